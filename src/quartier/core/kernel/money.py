"""Money is a Decimal. It is rounded in ``core.invoicing.rounding`` and nowhere else."""

from decimal import Context, Decimal, InvalidOperation
from functools import reduce

# Wide enough that products of a quantity and a price, and sums over a year of them, are exact.
EXACT = Context(prec=60)

ZERO = Decimal(0)
CENT = Decimal("0.01")


class NotMoney(ValueError):
    """The text or number is not an amount of money or a price."""


def amount_of(value: str | int | Decimal) -> Decimal:
    """The exact amount or price in ``value``.

    Raises :class:`NotMoney` for floats, infinities, NaN and text that is not a number.
    """
    if isinstance(value, float):
        raise NotMoney(f'{value!r} is a float; write amounts and prices as text, e.g. "0.2450"')
    try:
        number = Decimal(value.strip()) if isinstance(value, str) else Decimal(value)
    except InvalidOperation:
        raise NotMoney(f"{value!r} is not an amount") from None
    if not number.is_finite():
        raise NotMoney(f"{value!r} is not a finite amount")
    return number


def product(quantity: Decimal | int, price: Decimal) -> Decimal:
    """``quantity`` x ``price``, exactly: never rounded to the context's precision."""
    return EXACT.multiply(Decimal(quantity), price)


def total(amounts: "list[Decimal]") -> Decimal:
    """The exact sum of ``amounts``."""
    return reduce(EXACT.add, amounts, ZERO)
