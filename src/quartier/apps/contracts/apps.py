from django.apps import AppConfig


class ContractsConfig(AppConfig):
    name = "quartier.apps.contracts"
