"""URLs for gateways."""

from django.urls import path

from quartier.api.gateway import views

urlpatterns = [
    path("pairings", views.pairings, name="gateway-pairings"),
    path("batches", views.batches, name="gateway-batches"),
    path("configuration", views.configuration, name="gateway-configuration"),
    path("package", views.package, name="gateway-package"),
    path("reports", views.report, name="gateway-reports"),
]
