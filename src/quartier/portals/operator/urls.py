"""URLs of the pages by site."""

from django.urls import path

from quartier.portals.operator import (
    batches,
    billing,
    bundle,
    correct,
    energy,
    equipment,
    imports,
    interval_edits,
    intervals,
    invoices,
    locks,
    notes,
    overview,
    places,
    price_change,
    prices,
    quality,
    search,
    sites,
)

_SITE = "sites/<str:ref>/"

urlpatterns = [
    path("", sites.start, name="start"),
    path("nothing/", sites.nothing, name="nothing"),
    path("search/", search.search, name="search"),
    path("bill/", batches.bill_all, name="bill-all"),
    path("bill/<int:pk>/", batches.batch, name="batch"),
    path("bill/<int:pk>/continue/", batches.batch_continue, name="batch-continue"),
    path("sites/", sites.sites, name="sites"),
    path(_SITE, overview.overview, name="site"),
    path(f"{_SITE}energy/", energy.energy, name="site-energy"),
    path(f"{_SITE}equipment/", equipment.equipment, name="site-equipment"),
    path(f"{_SITE}equipment/<str:meter_ref>/", equipment.meter, name="site-meter"),
    path(f"{_SITE}quality/", quality.quality, name="site-quality"),
    path(f"{_SITE}quality/locks/", locks.locks, name="site-locks"),
    path(f"{_SITE}quality/<int:pk>/", intervals.intervals, name="site-intervals"),
    path(
        f"{_SITE}quality/<int:pk>/estimate/", interval_edits.estimate, name="site-interval-estimate"
    ),
    path(f"{_SITE}quality/<int:pk>/edit/", interval_edits.by_hand, name="site-interval-edit"),
    path(f"{_SITE}quality/<int:pk>/undo/", interval_edits.undo, name="site-interval-undo"),
    path(f"{_SITE}places/", places.places, name="site-places"),
    path(f"{_SITE}places/<str:point_ref>/", places.place, name="site-place"),
    path(f"{_SITE}places/<str:point_ref>/move/", places.move_page, name="site-move"),
    path(f"{_SITE}places/<str:point_ref>/move/undo/", places.undo_move_page, name="site-move-undo"),
    path(f"{_SITE}prices/", prices.prices, name="site-prices"),
    path(f"{_SITE}prices/<str:sheet_ref>/", prices.sheet, name="site-sheet"),
    path(
        f"{_SITE}prices/<str:sheet_ref>/change/",
        price_change.change_prices,
        name="site-price-change",
    ),
    path(f"{_SITE}billing/", billing.runs, name="site-billing"),
    path(f"{_SITE}billing/new/", billing.new_run, name="site-bill"),
    path(f"{_SITE}billing/<int:pk>/", billing.run, name="site-run"),
    path(f"{_SITE}invoices/", invoices.invoices, name="site-invoices"),
    path(f"{_SITE}invoices/bundle/", bundle.bundle, name="site-bundle"),
    path(f"{_SITE}invoices/<int:pk>/", invoices.invoice, name="site-invoice"),
    path(f"{_SITE}invoices/<int:pk>/document.pdf", invoices.invoice_pdf, name="site-invoice-pdf"),
    path(f"{_SITE}invoices/<int:pk>/correct/", correct.correct_page, name="site-correct"),
    path(f"{_SITE}invoices/<int:pk>/<slug:line_id>/", invoices.line, name="site-line"),
    path(f"{_SITE}files/<int:pk>/", invoices.raw_file, name="site-raw-file"),
    path(f"{_SITE}imports/", imports.imports, name="site-imports"),
    path(f"{_SITE}imports/new/", imports.new_import, name="site-import"),
    path(f"{_SITE}notes/", notes.notes, name="site-notes"),
    path(f"{_SITE}notes/<int:pk>/resolve/", notes.resolve, name="site-note-resolve"),
]
