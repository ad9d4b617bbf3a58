"""All URLs."""

from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import set_language

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("quartier.portals.operator.urls")),
    path("", include("quartier.portals.resident.urls")),
    path("api/gateway/", include("quartier.api.gateway.urls")),
    path("account/", include("allauth.account.urls")),
    path("account/factors/", include("allauth.mfa.urls")),
    path("language/", set_language, name="set_language"),
]

handler400 = "quartier.portals.shared.errors.bad_request"
handler403 = "quartier.portals.shared.errors.forbidden"
handler404 = "quartier.portals.shared.errors.not_found"
handler500 = "quartier.portals.shared.errors.broken"
