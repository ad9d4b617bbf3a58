from django.apps import AppConfig


class MeteringConfig(AppConfig):
    name = "quartier.apps.metering"
