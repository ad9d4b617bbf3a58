"""The local page as HTML: forms and tables, no script."""

from collections.abc import Iterable, Sequence
from html import escape

from quartier.formats.uplink.reports import Noticed
from quartier.gateway.agent import Agent
from quartier.gateway.local import badges
from quartier.gateway.local.texts import text
from quartier.gateway.poller import Meter, Poller
from quartier.gateway.ports import Present, Taken
from quartier.gateway.tools import facts, read_at, shown

STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; margin: 1rem auto; max-width: 60rem;
  padding: 0 1rem; color: #1a1a1a; background: #fff }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #ccc;
  vertical-align: top; overflow-wrap: anywhere }
button, input { font: inherit; padding: .5rem .8rem; min-height: 2.75rem }
.error { color: #a40000 } .warning { color: #7a4a00 }
@media (prefers-color-scheme: dark) { body { color: #eee; background: #161616 }
  .error { color: #ff9b9b } .warning { color: #ffc97a } a { color: #9bc4ff } }
"""


def page(title: str, body: str, language: str, *, reloads: bool = False) -> str:
    """A whole page around ``body``, which is HTML."""
    refresh = '<meta http-equiv="refresh" content="3">' if reloads else ""
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"{refresh}<title>{escape(title)}</title>"
        '<link rel="stylesheet" href="/style.css"></head>'
        f"<body><h1>{escape(title)}</h1>{body}</body></html>"
    )


def sign_in(title: str, problem: str, language: str) -> str:
    """The form for the PIN; ``problem`` says what was wrong with the last one."""
    alert = f'<p class="error" role="alert">{escape(problem)}</p>' if problem else ""
    body = (
        f'{alert}<form method="post" action="/sign-in"><label>{text("pin", language)} '
        '<input name="pin" type="password" inputmode="numeric" autocomplete="off" required '
        f"autofocus></label> <button>{text('sign_in', language)}</button></form>"
        f"<p>{escape(text('where_pin', language))}</p>"
    )
    return page(title, body, language)


_MISSING = {"last_answer": "never", "configuration": "none", "clock": "not_set"}


def status(agent: Agent, findings: Iterable[Noticed], language: str) -> str:
    """How everything stands, with each meter's last values."""
    used = agent.configuration
    rows = [
        (_t(name, language), value or _t(_MISSING[name], language)) for name, value in facts(agent)
    ]
    parts = [_table((), rows), _findings(findings, language)]
    parts += [_bus(one, language) for one in agent.pollers.values()]
    if used is not None and used.readers:
        parts.append(badges.table(agent.badge_readers.last, language))
    return page(f"{_t('gateway', language)} {agent.pairing.gateway}", "".join(parts), language)


def scan(bus: str, found: Sequence[Present], problem: str, language: str, *, is_over: bool) -> str:
    """Who is on ``bus`` as far as is known."""
    said = _t("scanned" if is_over else "scanning", language)
    parts = [f'<p role="status">{escape(said)}</p>']
    if problem:
        parts.append(f'<p class="error" role="alert">{escape(problem)}</p>')
    if found:
        heads = (_t("address", language), _t("what", language))
        parts.append(_table(heads, [(one.address, one.about) for one in found]))
    elif is_over and not problem:
        parts.append(f"<p>{escape(_t('nobody', language))}</p>")
    parts.append(f'<p><a href="/">{escape(_t("back", language))}</a></p>')
    title = f"{_t('bus', language)} {bus}"
    return page(title, "".join(parts), language, reloads=not is_over)


def _bus(poller: Poller, language: str) -> str:
    name = escape(poller.settings.name)
    rows = "".join(_meter(poller, one, language) for one in poller.meters.values())
    names = ("meter", "address", "values", "read_at")
    heads = "".join(f'<th scope="col">{escape(_t(one, language))}</th>' for one in names)
    button = _form("/scan", "bus", poller.settings.name, _t("scan", language), poller.settings.name)
    return (
        f"<h2>{escape(_t('bus', language))} {name}</h2>{button if poller.bus else ''}"
        f"<table><thead><tr>{heads}<td></td></tr></thead><tbody>{rows}</tbody></table>"
    )


def _meter(poller: Poller, one: Meter, language: str) -> str:
    values = _values(one.taken, language) + _values(one.power, language)
    at = read_at(one) or "-"
    button = _form(
        "/read", "meter", one.settings.name, _t("read_now", language), one.settings.name,
        bus=poller.settings.name,
    )  # fmt: skip
    return (
        f'<tr><th scope="row">{escape(one.settings.name)}</th>'
        f"<td>{escape(one.settings.address)}</td><td>{values or '-'}</td><td>{at}</td>"
        f"<td>{button}</td></tr>"
    )


def _values(taken: Taken | None, language: str) -> str:
    if taken is not None and not taken.is_reached:
        return f'<p class="error">{escape(_t("no_answer", language))}</p>'
    return "".join(
        f"<div>{escape(one.quantity)} {one.value} {escape(one.unit)}</div>" for one in shown(taken)
    )


def _findings(findings: Iterable[Noticed], language: str) -> str:
    rows = "".join(
        f'<tr><td class="{one.severity.value}">{escape(one.text)}</td>'
        f"<td>{one.since:%Y-%m-%d %H:%MZ}</td></tr>"
        for one in findings
    )
    title = f"<h2>{escape(_t('findings', language))}</h2>"
    if not rows:
        return f"{title}<p>{escape(_t('all_good', language))}</p>"
    names = ("what", "since")
    heads = "".join(f'<th scope="col">{escape(_t(one, language))}</th>' for one in names)
    return f"{title}<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _form(path: str, name: str, value: str, label: str, about: str, **more: str) -> str:
    fields = "".join(
        f'<input type="hidden" name="{escape(key)}" value="{escape(one)}">'
        for key, one in {name: value, **more}.items()
    )
    aria = escape(f"{label}: {about}")
    return (
        f'<form method="post" action="{path}">{fields}'
        f'<button aria-label="{aria}">{escape(label)}</button></form>'
    )


def _table(heads: Sequence[str], rows: Iterable[tuple[str, str]]) -> str:
    top = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in rows
    )
    return f"<table>{f'<thead><tr>{top}</tr></thead>' if top else ''}<tbody>{body}</tbody></table>"


_t = text
