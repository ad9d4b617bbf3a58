"""Rows to core values."""

from datetime import datetime

from quartier.apps.equipment.models import Device
from quartier.core.metering import registers as core


def core_device(device: Device, earlier_at: datetime | None) -> core.Device:
    """The device for ``core.metering.registers``.

    ``earlier_at``: the last reading before those that are converted. A device that was read
    before does not begin at 0 among them.
    """
    return core.Device(
        device.serial,
        device.installed_at,
        device.removed_at,
        device.factor,
        device.digits,
        is_new=earlier_at is None or earlier_at < device.installed_at,
    )
