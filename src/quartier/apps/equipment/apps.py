from django.apps import AppConfig


class EquipmentConfig(AppConfig):
    name = "quartier.apps.equipment"
