"""Frozen allocations: what each billing point got from the sun in each quarter-hour billed.

A hot table: the site leads its key, no foreign keys (architecture.md, storage).
"""

from django.db import models


class AllocationBlock(models.Model):
    """One (site, run, billing point, UTC day): 96 values each of consumption and solar energy.

    Little-endian int64 x 96 in mWh; slots outside the billed part are -1.
    """

    pk = models.CompositePrimaryKey("site_id", "run_id", "billing_point_id", "day")
    site_id = models.BigIntegerField()
    run_id = models.BigIntegerField()
    billing_point_id = models.BigIntegerField()
    day = models.IntegerField()
    consumption_mwh = models.BinaryField()
    solar_mwh = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.site_id} {self.run_id} {self.billing_point_id} {self.day}"
