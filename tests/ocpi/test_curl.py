"""A call as a command for a shell: whatever a partner wrote stays data."""

import json
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ocpi import curl

HOSTILE = "'; touch owned; echo '\n$(id) `id` \\ \" @/etc/passwd \u202e {a,b} -o x"
texts = st.text(max_size=40).filter(lambda text: "\0" not in text and text.isprintable())


def words_of(command):
    """What a shell makes of it: the arguments that curl would get."""
    script = f"curl() {{ printf '%s\\0' \"$@\"; }}\nTOKEN=secret API_KEY=key\n{command}"
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=True)
    assert done.stderr == b""
    return done.stdout.decode().split("\0")[:-1]


def command(**fields):
    given_fields = {"method": "PUT", "url": "https://partner.example/x", "proof": {"Authorization": "Token $TOKEN"}}
    fields = {**given_fields, "headers": {"X-Request-ID": "1"}, "body": {"a": 1}, **fields}
    return curl.command(fields.pop("method"), fields.pop("url"), **fields)


@pytest.mark.pure
def test_a_call_is_written_line_by_line():
    assert command() == (
        "curl --globoff --request PUT \\\n"
        '  --header "Authorization: Token $TOKEN" \\\n'
        "  --header 'X-Request-ID: 1' \\\n"
        "  --header 'Content-Type: application/json' \\\n"
        "  --data-raw '{\"a\": 1}' \\\n"
        "  --url https://partner.example/x"
    )


@pytest.mark.once
def test_the_shell_puts_the_token_in():
    assert words_of(command(proof={"Authorization": "Token $TOKEN", "X-Api-Key": "$API_KEY"}))[:7] == [
        "--globoff", "--request", "PUT", "--header", "Authorization: Token secret", "--header", "X-Api-Key: key",
    ]  # fmt: skip


@pytest.mark.pure
def test_without_a_body_none_is_sent():
    assert "--data-raw" not in command(body=None)
    assert "Content-Type" not in command(body=None)


@pytest.mark.once
@settings(max_examples=25, deadline=None)
@given(texts, texts, texts)
@example(HOSTILE, HOSTILE, HOSTILE)
def test_hostile_texts_are_one_word_each(url, header, body):
    words = words_of(command(url=f"https://x/{url}", headers={"X-Correlation-ID": header}, body={"text": body}))
    assert len(words) == 13
    assert words[6].startswith("X-Correlation-ID: ")
    assert json.loads(words[10]) == {"text": body}
    assert words[-1].startswith("https://x/")
    assert all(word.isascii() for word in words)


@pytest.mark.pure
@pytest.mark.parametrize("name", ['X"; id; "', "X-$(id)", "X\r\nHost"])
def test_the_name_of_a_key_is_only_a_name(name):
    [line] = [line for line in command(proof={name: "$API_KEY"}).splitlines() if "API_KEY" in line]
    assert line.strip().rstrip(" \\") in {
        '--header "Xid: $API_KEY"',
        '--header "X-id: $API_KEY"',
        '--header "XHost: $API_KEY"',
    }
