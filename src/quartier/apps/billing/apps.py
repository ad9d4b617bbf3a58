from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "quartier.apps.billing"

    def ready(self) -> None:
        from quartier.apps.billing.billed import billed_until
        from quartier.apps.contracts import protection

        protection.register("billing", billed_until)
