from django.apps import AppConfig


class SitesConfig(AppConfig):
    name = "quartier.apps.sites"
