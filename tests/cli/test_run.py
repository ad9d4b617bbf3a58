"""The command line itself: discovery, errors in one line, exit codes."""

import subprocess
import sys
from pathlib import Path

import pytest

import quartier.cli
from quartier.cli import UserError, main
from quartier.cli._commands import commands
from quartier.cli._output import whole_file
from quartier.cli._progress import Progress


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of commands beside the real ones."""
    monkeypatch.setenv("QUARTIER_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(quartier.cli, "__path__", [*quartier.cli.__path__, str(tmp_path)])

    def add(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        sys.modules.pop(f"quartier.cli.{name}", None)

    return add


def body(run):
    return (
        f'"""Try 100% of it.\n\nMore."""\ndef add_arguments(p): pass\ndef run(args):\n    {run}\n'
    )


def test_a_file_is_a_command(folder, capsys):
    folder("try_out", body("print('ran'); return 0"))
    folder("_hidden", "raise SystemError")
    assert "try-out" in commands()
    assert "-hidden" not in commands()
    assert main(["try-out"]) == 0
    assert capsys.readouterr().out == "ran\n"


def test_the_list_of_commands_runs_none_of_them(folder, capsys):
    folder("explosive", '"""Blow up."""\nraise SystemError')
    assert main(["--help"]) == 0
    assert "Blow up" in capsys.readouterr().out


def test_commands_inside_a_command(folder, capsys):
    folder(
        "thing",
        '"""Do a thing."""\n'
        "def add_arguments(p):\n"
        "    s = p.add_subparsers(required=True, metavar='ACTION')\n"
        "    a = s.add_parser('load'); a.add_argument('file'); a.set_defaults(run=load)\n"
        "def load(args): print(args.file); return 1\n",
    )
    assert main(["thing", "load", "x.toml"]) == 1
    assert capsys.readouterr().out == "x.toml\n"
    assert main(["thing"]) == 2
    assert "ACTION" in capsys.readouterr().err
    assert main(["thing", "--help"]) == 0


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["nonsense"], "there is no command 'nonsense'"),
        (["--nonsense", "allocate"], "required"),
        (["allocate"], "required"),
        (["allocate", "--nope"], "required"),
    ],
)
def test_wrong_use_is_one_line(argv, words, capsys):
    assert main(argv) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert words in err


def test_no_command_prints_the_help(capsys):
    assert main([]) == 2
    assert "allocate" in capsys.readouterr().err


def test_a_users_error_is_one_line(folder, capsys):
    folder("wrong", "from quartier.cli import UserError\n" + body("raise UserError('a\\nb')"))
    assert main(["wrong"]) == 2
    assert capsys.readouterr().err == "quartier: a b\n"


def test_a_fault_goes_to_a_log(folder, capsys, tmp_path):
    folder("faulty", body("return 1 // 0"))
    assert main(["faulty"]) == 3
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "Traceback" not in err
    (log,) = (tmp_path / "home" / "logs").iterdir()
    assert str(log) in err
    assert "ZeroDivisionError" in log.read_text()


def test_a_fault_without_a_writable_home_still_leaves_a_log(folder, capsys, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("QUARTIER_HOME", str(tmp_path / "file" / "home"))
    folder("faulty2", body("return 1 // 0"))
    assert main(["faulty2"]) == 3
    log = Path(capsys.readouterr().err.split("see the log ")[1].strip())
    assert "ZeroDivisionError" in log.read_text()
    log.unlink()


def test_interrupted(folder, capsys):
    folder("slow", body("raise KeyboardInterrupt"))
    assert main(["slow"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_missing_package_is_named(folder, capsys):
    folder("far", '"""Go far."""\nimport no_such_package_at_all')
    assert main(["far"]) == 2
    assert "no_such_package_at_all" in capsys.readouterr().err


def test_django_is_set_up_only_for_who_asks(folder):
    code = (
        "import sys, quartier.cli; quartier.cli.main(['allocate', '--help']); "
        "assert not [m for m in sys.modules if m.split('.')[0] == 'django'], 'Django was imported'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    folder("orm", '"""Use it."""\nNEEDS_DJANGO = True\n')
    assert commands()["orm"].needs_django
    assert not commands()["allocate"].needs_django


def test_a_closed_pipe_is_quiet():
    code = (
        "import sys, types, quartier.cli._run as r; "
        "r._dispatch = lambda a: [print('x' * 100) for _ in range(100000)] and 0; "
        "sys.exit(r.run_command([]))"
    )
    done = subprocess.run(
        f'{sys.executable} -c "{code}" | head -1', shell=True, capture_output=True, text=True
    )
    assert done.stderr == ""


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("before")
    with pytest.raises(ZeroDivisionError), whole_file(path) as file:  # noqa: PT012
        file.write("half")
        raise ZeroDivisionError
    assert path.read_text() == "before"
    with whole_file(path) as file:
        file.write("after")
    assert path.read_text() == "after"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]
    with pytest.raises(UserError, match="folder"), whole_file(tmp_path):
        pass
    with pytest.raises(UserError, match="cannot write"), whole_file(tmp_path / "no" / "x"):
        pass


def test_a_full_disk_is_one_line():
    no_space = pytest.raises(UserError, match="cannot write /dev/full: No space left")
    with no_space, whole_file(Path("/dev/full")) as file:
        file.write("text")


def test_the_bar_shows_only_on_a_terminal_and_after_a_second(monkeypatch):
    class Screen:
        text = ""

        def __init__(self, is_terminal):
            self.isatty = lambda: is_terminal

        def write(self, text):
            self.text += text

        def flush(self):
            pass

    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    for is_terminal in (True, False):
        now[0] = 0
        screen = Screen(is_terminal)
        with Progress(10, "reading", screen) as progress:
            progress.advance(1)
            assert screen.text == ""
            now[0] = 2
            progress.advance(4)
        assert ("50%" in screen.text) is is_terminal
