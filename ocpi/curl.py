"""A request as a command for a shell. Pure.

Whatever a partner wrote must not become part of the command: every text is one quoted word of printable ASCII, curl is
told neither to expand braces (`--globoff`) nor to read files (`--data-raw`). Tokens are variables of the shell.
"""

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

_URL_SAFE = "%/:?#[]@!$&'()*+,;=-._~"


def command(method: str, url: str, *, proof: Mapping[str, str], headers: Mapping[str, str], body: Any = None) -> str:
    """`proof`: headers whose value is a template of ours such as `Token $TOKEN`; the shell puts the variable in."""
    words = [f"curl --globoff --request {shlex.quote(_plain(method))}"]
    words += [f'--header "{_name(name)}: {value}"' for name, value in proof.items()]
    words += [f"--header {shlex.quote(_plain(f'{name}: {value}'))}" for name, value in headers.items()]
    if body is not None:
        words.append("--header 'Content-Type: application/json'")
        words.append(f"--data-raw {shlex.quote(json.dumps(body, default=str))}")
    words.append(f"--url {shlex.quote(quote(url, safe=_URL_SAFE))}")
    return " \\\n  ".join(words)


def _plain(text: str) -> str:
    return "".join(character if " " <= character <= "~" else "?" for character in text)


def _name(name: str) -> str:
    """Stands in double quotes beside a variable."""
    return re.sub(r"[^A-Za-z0-9_-]", "", name)
