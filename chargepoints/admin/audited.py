"""Whatever is added, changed or deleted by a form is in the audit log too."""

from typing import Any
from uuid import uuid4

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone

from chargepoints import audit


class Audited(admin.ModelAdmin):
    """Beside the history that Django writes for each object."""

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> LogEntry:
        _write(request, obj, "Added", "")
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> LogEntry:
        entry = super().log_change(request, obj, message)
        _write(request, obj, "Changed", entry.get_change_message())
        return entry

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for obj in queryset:
            _write(request, obj, "Deleted", "")
        return super().log_deletions(request, queryset)


def _write(request: HttpRequest, obj: Model, verb: str, words: str) -> None:
    action = f"{verb} {obj._meta.verbose_name}"
    audit.write(user=request.user, action=action, target=obj, result=words, batch=uuid4(), now=timezone.now())
