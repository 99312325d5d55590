"""People and their roles, in the look of the rest."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import Group, User

from chargepoints.admin.audited import Audited
from chargepoints.admin.exports import Exported
from chargepoints.theme import USER_FORMS, ModelAdmin

admin.site.unregister([User, Group])


@admin.register(User)
class UserAdmin(Exported, Audited, auth_admin.UserAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["username", "first_name", "last_name", "roles", "is_active", "is_superuser", "last_login"]
    form = USER_FORMS.get("form", auth_admin.UserAdmin.form)  # type: ignore[misc]
    add_form = USER_FORMS.get("add_form", auth_admin.UserAdmin.add_form)
    change_password_form = USER_FORMS.get("change_password_form", auth_admin.UserAdmin.change_password_form)

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="roles")
    def roles(self, user: Any) -> str:
        return ", ".join(group.name for group in user.groups.all())


@admin.register(Group)
class GroupAdmin(Exported, Audited, auth_admin.GroupAdmin, ModelAdmin):  # type: ignore[misc]
    pass
