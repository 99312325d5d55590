from django.apps import AppConfig


class BackOfficeConfig(AppConfig):
    name = "cpo_backoffice"
    verbose_name = "Back-office"

    def ready(self) -> None:
        from cpo_backoffice import checks  # noqa: F401
