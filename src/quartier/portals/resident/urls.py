"""URLs of the resident's portal."""

from django.urls import path

from quartier.portals.resident import pages

urlpatterns = [
    path("me/", pages.home, name="me"),
    path("me/energy/", pages.energy, name="me-energy"),
    path("me/bills/", pages.bills, name="me-bills"),
    path("me/bills/<int:pk>/", pages.bill, name="me-bill"),
    path("me/bills/<int:pk>/document.pdf", pages.bill_pdf, name="me-bill-pdf"),
    path("me/bills/<int:pk>/<slug:line_id>/", pages.bill_line, name="me-line"),
    path("me/account/", pages.account, name="me-account"),
]
