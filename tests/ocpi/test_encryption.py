"""Partner tokens at rest."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from ocpi.encryption import decrypt, encrypt

pytestmark = pytest.mark.pure


def test_what_was_encrypted_is_read_back_and_is_not_to_be_seen():
    for token in ("token-b", "!" * 64, "~\"'\\{}"):
        hidden = encrypt(token)
        assert (decrypt(hidden), token in hidden) == (token, False)


def test_the_same_token_is_never_written_the_same_way_twice():
    assert encrypt("token-b") != encrypt("token-b")


@pytest.mark.parametrize("spoil", [lambda t: t[:-2] + "xx", lambda t: "", lambda t: "plain"])
def test_another_key_or_a_changed_text_is_a_clear_error(spoil):
    with pytest.raises(ImproperlyConfigured, match="another SECRET_KEY"):
        decrypt(spoil(encrypt("token-b")))


def test_the_key_depends_on_the_secret_key(settings):
    hidden = encrypt("token-b")
    settings.SECRET_KEY = "another"
    with pytest.raises(ImproperlyConfigured):
        decrypt(hidden)
