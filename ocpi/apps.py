from django.apps import AppConfig


class OcpiConfig(AppConfig):
    name = "ocpi"
    verbose_name = "OCPI partners"

    def ready(self) -> None:
        from ocpi import receivers

        receivers.connect()
