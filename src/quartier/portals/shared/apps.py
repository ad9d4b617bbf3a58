from django.apps import AppConfig


class SharedConfig(AppConfig):
    name = "quartier.portals.shared"
    label = "portal_shared"
