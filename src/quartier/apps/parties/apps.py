from django.apps import AppConfig


class PartiesConfig(AppConfig):
    name = "quartier.apps.parties"
