"""The roles of operators: groups that migrations make, so that what an administrator changes in them stays changed."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth.management import create_permissions

APPS = ("admin", "auth", "chargepoints", "ocpi")


def create(apps: Any, roles: Mapping[str, Iterable[str]]) -> None:
    """For a migration: groups with permissions (`app.codename`). One that is there already is somebody's own: it stays.

    Permissions are otherwise made only after all migrations, so those of the models as they are now are made here.
    """
    permissions = _permissions(apps)
    for name, codes in roles.items():
        group, new = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        if new:
            group.permissions.set([permissions[code] for code in codes])


def extend(apps: Any, roles: Mapping[str, Iterable[str]]) -> None:
    """For a later migration: new permissions for the groups of these names that are still there."""
    permissions = _permissions(apps)
    for group in apps.get_model("auth", "Group").objects.filter(name__in=roles):
        group.permissions.add(*(permissions[code] for code in roles[group.name]))


def _permissions(apps: Any) -> dict[str, Any]:
    for label in APPS:
        app = apps.get_app_config(label)
        module = getattr(app, "models_module", None)
        app.models_module = module or True  # an app in the state of a migration looks as if it had no models
        create_permissions(app, verbosity=0, apps=apps)
        app.models_module = module
    found = apps.get_model("auth", "Permission").objects.select_related("content_type")
    return {f"{permission.content_type.app_label}.{permission.codename}": permission for permission in found}
