"""Frozen allocations: what each billing point got from the sun in each quarter-hour billed.

A hot table: the site leads its key, no foreign keys (architecture.md, storage).
"""

from django.db import models


class AllocationBlock(models.Model):
    """The solar energy of one billing point over the period of one billing run.

    ``solar_mwh`` is zlib-compressed little-endian int64 x ``slots`` in mWh; the consumption it
    was part of is in the interval store, as of the run's ``known_at``.
    """

    pk = models.CompositePrimaryKey("site_id", "run_id", "billing_point_id")
    site_id = models.BigIntegerField()
    run_id = models.BigIntegerField()
    billing_point_id = models.BigIntegerField()
    first_slot = models.BigIntegerField()
    slots = models.IntegerField()
    solar_mwh = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.site_id} {self.run_id} {self.billing_point_id}"
