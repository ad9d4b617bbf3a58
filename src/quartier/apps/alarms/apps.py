from django.apps import AppConfig


class AlarmsConfig(AppConfig):
    name = "quartier.apps.alarms"
