"""The web program, served by granian over WSGI (stack.md)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quartier.config.settings")
application = get_wsgi_application()
