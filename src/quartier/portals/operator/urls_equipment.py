"""URLs of the pages on which equipment is added and changed."""

from django.urls import URLPattern, path

from quartier.portals.operator import (
    equipment_assign,
    equipment_bulk,
    equipment_meters,
    equipment_order,
    equipment_things,
    equipment_undo,
)


def patterns(site: str) -> list[URLPattern]:
    """Those below the prefix of a ``site``. Meters have a branch of their own, so that no
    reference can hide a page."""
    return [
        path(f"{site}new/meter/", equipment_meters.new_meter, name="site-meter-new"),
        path(f"{site}new/meters/table/", equipment_bulk.meter_table, name="site-meter-table"),
        path(f"{site}new/meters/pattern/", equipment_bulk.meter_pattern, name="site-meter-pattern"),
        path(
            f"{site}new/meters/template.xlsx",
            equipment_bulk.meter_template,
            name="site-meter-template",
        ),
        path(f"{site}new/<slug:kind>/", equipment_things.thing, name="site-thing-new"),
        path(f"{site}assign/", equipment_assign.assign_meters, name="site-meter-assign"),
        path(f"{site}order/", equipment_order.order, name="site-order"),
        path(f"{site}equipment-undo/", equipment_undo.undo, name="site-equipment-undo"),
        path(
            f"{site}equipment/<str:meter_ref>/edit/",
            equipment_meters.edit_meter,
            name="site-meter-edit",
        ),
        path(
            f"{site}things/<slug:kind>/<str:item_ref>/", equipment_things.thing, name="site-thing"
        ),
    ]
