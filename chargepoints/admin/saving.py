"""Only the columns an operator changed are written: a charge point may connect, or report, at the same moment."""

from typing import Any

from django import forms


class ChangesForm(forms.ModelForm):
    """`columns`: what a field that is not a column of the model writes."""

    columns: dict[str, str] = {}

    def save(self, commit: bool = True) -> Any:
        if self.instance._state.adding or not commit:
            return super().save(commit)
        self.instance.save(update_fields=changed_columns(self))
        self._save_m2m()  # type: ignore[attr-defined]
        return self.instance


def changed_columns(form: Any) -> list[str]:
    """Beside what was changed: the times that every change moves."""
    columns = getattr(form, "columns", {})
    changed = {columns.get(name, name) for name in form.changed_data}
    own = form.instance._meta.concrete_fields
    return [field.name for field in own if field.name in changed or getattr(field, "auto_now", False)]
