from django.apps import AppConfig


class OperatorConfig(AppConfig):
    name = "quartier.portals.operator"
    label = "portal_operator"
