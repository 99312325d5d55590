"""The two kinds of page: a record the product writes itself, and anything an operator can act on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse

from chargepoints.admin import rendering
from chargepoints.admin.audited import Audited
from chargepoints.admin.exports import Exported
from chargepoints.admin.large_lists import LargeList
from chargepoints.admin.live import is_live, live_part
from chargepoints.admin.saving import ChangesForm, changed_columns
from chargepoints.admin.timeline import Problem, Remedy
from chargepoints.theme import ModelAdmin


class OperatedAdmin(Exported, Audited, ModelAdmin):  # type: ignore[misc]
    """Its page says what is wrong and why, and carries the actions of its list as buttons."""

    form: Any = ChangesForm
    change_form_template = "admin/operated_change_form.html"
    show_full_result_count = False
    list_per_page = 50
    kept_parameters: Sequence[str] = ()

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("chargepoints.operate_chargepoint")  # type: ignore[union-attr]

    def has_steer_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("chargepoints.steer_session")  # type: ignore[union-attr]

    def summary(self, obj: Any) -> Iterable[tuple[str, object]]:  # noqa: ARG002
        return ()

    def problems(self, obj: Any) -> Iterable[Problem]:  # noqa: ARG002
        return ()

    def panels(self, obj: Any) -> Iterable[tuple[str, object]]:  # noqa: ARG002
        """Title and content of what stands below the problems."""
        return ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: ARG002
        obj.save(update_fields=changed_columns(form) if change else None)

    def render_change_form(  # noqa: PLR0917
        self, request: HttpRequest, context: dict[str, Any], add: bool = False, change: bool = False,
        form_url: str = "", obj: Any = None,
    ) -> HttpResponse:  # fmt: skip
        if obj:
            context |= self.page(request, obj)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """What stands above the fields, and is refreshed while the page is open."""
        return {
            "summary": self.summary(obj),
            "problems": [(problem, remedy_button(self, request, problem)) for problem in self.problems(obj)],
            "panels": self.panels(obj),
            "buttons": buttons_of(self, request, obj),
            "live_query": self._kept_query(request),
        }

    def _kept_query(self, request: HttpRequest) -> str:
        """What an open page asks for again, with what its user chose."""
        chosen = {name: request.GET[name][:64] for name in self.kept_parameters if name in request.GET}
        return f"?{urlencode({'live': 1, **chosen})}"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if is_live(request):
            return self._live(request, object_id)
        return super().change_view(request, object_id, form_url, extra_context)

    def _live(self, request: HttpRequest, object_id: str) -> HttpResponse:
        obj = self.get_object(request, object_id)
        if obj is None:
            raise Http404
        if not self.has_view_or_change_permission(request, obj):
            raise PermissionDenied
        return live_part(request, "admin/operated_page.html", self.page(request, obj))


class RecordAdmin(LargeList, OperatedAdmin):
    """What the product writes itself: nobody adds, changes or deletes it here."""

    shown: Sequence[Any] = ()
    fields_folded = False
    """Where the page above them tells it better."""

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:  # noqa: ARG002
        return self.shown

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        if self.fields_folded:
            return [("All fields", {"fields": self.shown, "classes": ["collapse"]})]
        return super().get_fieldsets(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:  # noqa: ARG002
        return self.shown

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False


@dataclass(frozen=True, slots=True)
class Button:
    """Posts `action` for one object to its list, as if it were ticked there."""

    label: str
    action: str
    url: str
    pk: object


def buttons_of(model_admin: admin.ModelAdmin, request: HttpRequest, obj: Model) -> list[Button]:
    actions: Any = model_admin.get_actions(request).items()
    url = rendering.list_url(type(obj))
    return [Button(str(action[2]), name, url, obj.pk) for name, action in actions if name != "delete_selected"]


def remedy_button(model_admin: admin.ModelAdmin, request: HttpRequest, problem: Problem) -> Button | None:
    return button_for(model_admin, request, problem.remedy)


def button_for(model_admin: admin.ModelAdmin, request: HttpRequest, remedy: Remedy | None) -> Button | None:
    """None where there is no remedy, or this user may not use it."""
    if remedy is None:
        return None
    owner = model_admin.admin_site.get_model_admin(type(remedy.target))
    buttons = buttons_of(owner, request, remedy.target)
    return next((button for button in buttons if button.action == remedy.action), None)
