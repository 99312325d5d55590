"""The look of the operators' site: django-unfold where it is installed, Django's own admin otherwise.

Nothing else imports a theme, and no page depends on one: templates fill blocks that each of them has.
"""

from typing import Any

from django.apps import apps

USER_FORMS: dict[str, Any] = {}
"""What the page of a user needs of the theme, as attributes of its `ModelAdmin`."""

if apps.is_installed("unfold"):
    from unfold import admin, forms, sites

    AdminSite, ModelAdmin, TabularInline = sites.UnfoldAdminSite, admin.ModelAdmin, admin.TabularInline

    USER_FORMS = {
        "form": forms.UserChangeForm,
        "add_form": forms.UserCreationForm,
        "change_password_form": forms.AdminPasswordChangeForm,
    }
else:
    from django.contrib import admin

    AdminSite, ModelAdmin, TabularInline = admin.AdminSite, admin.ModelAdmin, admin.TabularInline


class LabelledInline(TabularInline):  # type: ignore[misc, valid-type]
    """Its columns have headings for the eye; each field says its name to a screen reader as well (WCAG 2.2, 4.1.2)."""

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:
            named = getattr(field.widget, "widget", field.widget)
            named.attrs.setdefault("aria-label", str(field.label))
        return field


__all__ = ["USER_FORMS", "AdminSite", "LabelledInline", "ModelAdmin"]
