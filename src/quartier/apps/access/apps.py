from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "quartier.apps.access"
