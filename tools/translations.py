"""Collect the texts of the portals into their catalogs, and compile these.

    python tools/translations.py            collect (needs gettext), then compile
    python tools/translations.py compile    compile only

The source texts are English; de, fr and it are in ``portals/shared/locale``. Both .po and .mo are
committed, so that nothing has to be built; a test checks that they are complete and agree.
"""

import os
import sys
import tempfile
from pathlib import Path

PORTALS = Path(__file__).resolve().parent.parent / "src" / "quartier" / "portals"
LANGUAGES = ["de", "fr", "it"]


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quartier.config.settings")
    os.environ.setdefault("QUARTIER_HOME", tempfile.mkdtemp())
    import django
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    locale = PORTALS / "shared" / "locale"
    locale.mkdir(exist_ok=True)
    settings.LOCALE_PATHS = [str(locale)]
    os.chdir(PORTALS)
    if sys.argv[1:] != ["compile"]:
        call_command(
            "makemessages",
            locale=LANGUAGES,
            extensions=["html", "py"],
            no_obsolete=True,
            no_location=True,
            no_wrap=True,
            verbosity=0,
        )
    call_command("compilemessages", locale=LANGUAGES, verbosity=0)


if __name__ == "__main__":
    main()
