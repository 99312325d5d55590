"""Only the columns an operator changed are written: a charge point may connect, or report, at the same moment."""

from typing import Any

from django import forms


class ChangesForm(forms.ModelForm):
    """`columns`: what a field writes that is not a column of the model, or not that alone."""

    columns: dict[str, str | tuple[str, ...]] = {}

    def save(self, commit: bool = True) -> Any:
        if self.instance._state.adding or not commit:
            return super().save(commit)
        self.instance.save(update_fields=changed_columns(self))
        self._save_m2m()  # type: ignore[attr-defined]
        return self.instance


def changed_columns(form: Any) -> list[str]:
    """Beside what was changed: the times that every change moves."""
    changed = {column for name in form.changed_data for column in _written_by(form, name)}
    own = form.instance._meta.concrete_fields
    return [field.name for field in own if field.name in changed or getattr(field, "auto_now", False)]


def _written_by(form: Any, name: str) -> tuple[str, ...]:
    written = getattr(form, "columns", {}).get(name, name)
    return (written,) if isinstance(written, str) else written
