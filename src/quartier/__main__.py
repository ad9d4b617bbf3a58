"""``python -m quartier`` is the ``quartier`` command."""

import sys

from quartier.cli import main

if __name__ == "__main__":
    sys.exit(main())
