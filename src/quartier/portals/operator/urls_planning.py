"""URLs of planning a site and of exchanging its meters."""

from django.urls import URLPattern, path

from quartier.portals.operator import exchange


def patterns(site: str) -> list[URLPattern]:
    """Those below the path ``site``."""
    return [
        path(
            f"{site}equipment/<str:meter_ref>/exchange/",
            exchange.exchange_page,
            name="site-meter-exchange",
        ),
    ]
