from django.apps import AppConfig


class ResidentConfig(AppConfig):
    name = "quartier.portals.resident"
    label = "portal_resident"
