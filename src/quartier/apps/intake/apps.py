from django.apps import AppConfig


class IntakeConfig(AppConfig):
    name = "quartier.apps.intake"
