"""One value read from a device, in its base unit, exactly."""

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from quartier.core.kernel.obis import Obis


@dataclass(frozen=True, slots=True)
class Value:
    """``value`` in ``unit`` (Wh, W, V, A...), with all of its digits.

    ``name`` is the OBIS code, or a word where electricity has none (``state_of_charge``).
    ``is_billing``: a counting register that may be billed from once the driver is verified or an
    installer has compared it with the display.
    """

    name: str
    obis: Obis | None
    value: Decimal
    unit: str
    is_billing: bool = False

    @property
    def whole(self) -> int:
        """Whole units: what is stored of an energy."""
        return int(self.value.to_integral_value(rounding=ROUND_FLOOR))

    @property
    def remainder(self) -> Decimal:
        """What :attr:`whole` leaves, in [0, 1): carried forward, never dropped."""
        return self.value - self.whole
