"""Checks of the tables in docs/algorithms/references.md."""

from collections.abc import Callable

import pytest

from quartier.formats.qr_bill.references import (
    BadReference,
    check_qrr,
    check_scor,
    grouped_reference,
    make_qrr,
    make_scor,
    mod10_recursive,
)


def _agrees(function: Callable[[str], str], text: str, wanted: str) -> None:
    if wanted == "refused":
        with pytest.raises(BadReference):
            function(text)
    else:
        assert function(text) == wanted


def qrr_digit(row):
    assert len(row["26 digits"]) == 26
    assert mod10_recursive(row["26 digits"]) == int(row["check digit"])


def qrr_made(row):
    _agrees(lambda text: grouped_reference(make_qrr(text)), row["number"], row["reference"])


def qrr_read(row):
    _agrees(check_qrr, row["reference"], row["read"])


def scor_made(row):
    _agrees(lambda text: grouped_reference(make_scor(text)), row["text"], row["reference"])


def scor_read(row):
    _agrees(check_scor, row["reference"], row["read"])
