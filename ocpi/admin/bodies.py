"""Bodies of requests and answers as people read them: indented where they are JSON, masked and escaped always."""

import json
from typing import Any

from django.utils.html import format_html

from chargepoints.admin import rendering
from ocpi.masking import masked_document, masked_text


def pretty_body(text: str, *, limit: int | None = None) -> str:
    """What was kept as text."""
    return _shown(_indented(text), limit)


def pretty_document(document: Any, *, limit: int | None = None) -> str:
    """What was kept as JSON."""
    if document in (None, {}, []):
        return rendering.NOTHING
    return _shown(json.dumps(masked_document(document), indent=2, ensure_ascii=False), limit)


def _indented(text: str) -> str:
    """As it is where it is no JSON, or only the beginning of one."""
    try:
        return json.dumps(masked_document(json.loads(text)), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return masked_text(text)


def _shown(text: str, limit: int | None) -> str:
    if not text:
        return rendering.NOTHING
    cut = f"{text[:limit]}\n…" if limit is not None and len(text) > limit else text
    return format_html('<pre class="cpo-json" tabindex="0">{}</pre>', cut)
