from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "quartier.apps.audit"
