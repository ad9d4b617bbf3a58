"""Billing runs and issued documents. What was issued never changes; the database sees to it."""

from django.db import models
from django.db.models import F, Q

from quartier.apps.parties.models import Organisation, Party
from quartier.apps.sites.models import BillingPoint, Site


class BillingRun(models.Model):
    """One attempt to bill one site for one range of local dates.

    It keeps what was known when (``known_at``), the hashes of all that was read, and every
    finding. A refused run has issued nothing.
    """

    class State(models.TextChoices):
        ISSUED = "issued"
        REFUSED = "refused"

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="billing_runs")
    from_date = models.DateField()
    to_date = models.DateField()
    state = models.CharField(max_length=7, choices=State)
    known_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    actor = models.CharField(max_length=254)
    findings = models.JSONField(default=list)
    inputs = models.JSONField(default=list)
    inputs_sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ("-finished_at", "-id")
        constraints = (
            models.CheckConstraint(
                condition=Q(to_date__gt=F("from_date")), name="run_covers_a_period"
            ),
        )
        indexes = (models.Index(fields=("site", "from_date"), name="run_site_from"),)

    def __str__(self) -> str:
        return f"{self.site} {self.from_date} to {self.to_date}"


class NumberSequence(models.Model):
    """The next document number of an organisation's series; taken inside the issuing
    transaction, so that numbers have no holes."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    series = models.CharField(max_length=40)
    next_number = models.PositiveBigIntegerField(default=1)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("organisation", "series"), name="number_series_is_unique"
            ),
        )

    def __str__(self) -> str:
        return f"{self.series} {self.next_number}"


class Invoice(models.Model):
    """An issued document: its canonical bytes, and the columns that lists need.

    ``from_date`` and ``to_date`` are those of the recipient's part of the run (half-open, local).
    """

    class Kind(models.TextChoices):
        INVOICE = "invoice"
        CREDIT_NOTE = "credit_note"

    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="invoices"
    )
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="invoices")
    run = models.ForeignKey(BillingRun, on_delete=models.PROTECT, related_name="invoices")
    billing_point = models.ForeignKey(
        BillingPoint, on_delete=models.PROTECT, related_name="invoices"
    )
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="invoices")
    kind = models.CharField(max_length=11, choices=Kind, default=Kind.INVOICE)
    number = models.CharField(max_length=40)
    from_date = models.DateField()
    to_date = models.DateField()
    issued_date = models.DateField()
    due_date = models.DateField()
    language = models.CharField(max_length=2)
    currency = models.CharField(max_length=3)
    total = models.DecimalField(max_digits=14, decimal_places=2)
    document = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    supersedes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="superseded_by"
    )
    """The invoice that this credit note cancels."""

    class Meta:
        ordering = ("-from_date", "number")
        constraints = (
            models.UniqueConstraint(
                fields=("organisation", "number"), name="document_number_is_unique"
            ),
            models.CheckConstraint(
                condition=Q(to_date__gt=F("from_date")), name="invoice_covers_a_period"
            ),
            models.CheckConstraint(
                condition=Q(kind="invoice", supersedes=None)
                | Q(kind="credit_note", supersedes__isnull=False),
                name="credit_note_names_its_invoice",
            ),
        )
        indexes = (
            models.Index(fields=("billing_point", "from_date"), name="invoice_point_from"),
            models.Index(fields=("party", "from_date"), name="invoice_party_from"),
        )

    def __str__(self) -> str:
        return self.number


class Batch(models.Model):
    """One job over many sites: it bills each for itself, or only reviews what would be billed.

    A worker that works on it renews ``beat_at``; after ``batch.LEASE`` without it another may
    go on. ``key`` stands for kind, dates and sites, so that the same job runs once at a time.
    """

    class Kind(models.TextChoices):
        REVIEW = "review"
        ISSUE = "issue"

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="batches")
    kind = models.CharField(max_length=6, choices=Kind)
    from_date = models.DateField()
    to_date = models.DateField()
    key = models.CharField(max_length=64)
    actor = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    beat_at = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=32, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("organisation", "key"),
                condition=Q(finished_at=None),
                name="batch_runs_once_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(to_date__gt=F("from_date")), name="batch_covers_a_period"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.from_date} to {self.to_date}"


class BatchSite(models.Model):
    """What came of one site in a batch; ``total`` is in the site's currency.

    A row is written in the transaction of its run, or by whoever is through with the site first.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        WORKING = "working"
        REFUSED = "refused"
        FAILED = "failed"
        READY = "ready"
        ISSUED = "issued"
        LEFT = "left"
        NOTHING = "nothing"

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="rows")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=7, choices=State, default=State.WAITING)
    run = models.ForeignKey(
        BillingRun, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    documents = models.PositiveIntegerField(default=0)
    left_alone = models.PositiveIntegerField(default=0)
    total = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    findings = models.JSONField(default=list)

    class Meta:
        ordering = ("batch", "site")
        constraints = (
            models.UniqueConstraint(fields=("batch", "site"), name="batch_has_a_site_once"),
        )

    def __str__(self) -> str:
        return f"{self.site}: {self.state}"
