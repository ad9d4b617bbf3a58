from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "quartier.apps.ledger"
