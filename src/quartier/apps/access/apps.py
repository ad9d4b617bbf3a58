"""Who may see what: one scoping layer and one table."""

from django.apps import AppConfig, apps
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class AccessConfig(AppConfig):
    name = "quartier.apps.access"

    def ready(self) -> None:
        from quartier.apps.access import rows

        # Sent once an app that has models, after the last migration of all.
        post_migrate.connect(rows.secure, sender=apps.get_app_config("sites"))
        connection_created.connect(rows.tell_new_connection)
