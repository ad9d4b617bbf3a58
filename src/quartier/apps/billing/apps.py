from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "quartier.apps.billing"

    def ready(self) -> None:
        from quartier.apps.billing.billed import billed_until
        from quartier.apps.billing.corrected import billed_ranges
        from quartier.apps.contracts import protection
        from quartier.apps.intake import billed

        protection.register("billing", billed_until)
        billed.register(billed_ranges)
