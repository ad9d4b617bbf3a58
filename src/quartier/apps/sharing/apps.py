from django.apps import AppConfig


class SharingConfig(AppConfig):
    name = "quartier.apps.sharing"
