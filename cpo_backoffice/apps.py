from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class BackOfficeConfig(AppConfig):
    name = "cpo_backoffice"
    verbose_name = "Back-office"

    def ready(self) -> None:
        from cpo_backoffice import checks, sign_ins  # noqa: F401

        sign_ins.connect()


class OperatorsAdminConfig(AdminConfig):
    default_site = "cpo_backoffice.operators_site.OperatorsSite"
