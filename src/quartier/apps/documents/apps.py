from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    name = "quartier.apps.documents"
