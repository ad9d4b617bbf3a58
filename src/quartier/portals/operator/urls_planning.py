"""URLs of planning a site and of exchanging its meters."""

from django.urls import URLPattern, path

from quartier.portals.operator import exchange, planning, planning_print

OF_ANY_SITE = [path("m/<int:pk>", planning_print.scanned, name="meter-label")]
"""Short, since it stands in the code of a label."""


def patterns(site: str) -> list[URLPattern]:
    """Those below the path ``site``."""
    return [
        path(
            f"{site}equipment/<str:meter_ref>/exchange/",
            exchange.exchange_page,
            name="site-meter-exchange",
        ),
        path(f"{site}planning/", planning.planning, name="site-planning"),
        path(f"{site}planning/wiring/", planning_print.wiring, name="site-wiring"),
        path(f"{site}planning/wiring.pdf", planning_print.wiring_print, name="site-wiring-pdf"),
        path(f"{site}planning/labels/", planning_print.labels, name="site-labels"),
        path(f"{site}planning/labels.pdf", planning_print.labels_print, name="site-labels-pdf"),
    ]
