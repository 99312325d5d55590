from django.apps import AppConfig


class ChargePointsConfig(AppConfig):
    name = "chargepoints"
    verbose_name = "Charge points"

    def ready(self) -> None:
        from chargepoints import audit, reconciliation, self_tests

        audit.connect()
        reconciliation.connect()
        self_tests.connect()
