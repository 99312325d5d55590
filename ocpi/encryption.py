"""Partner tokens at rest: Fernet with a key derived from SECRET_KEY."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def _fernet() -> Fernet:
    digest = hashlib.sha256(b"ocpi.encryption:" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))


def encrypt(text: str) -> str:
    return _fernet().encrypt(text.encode()).decode()


def decrypt(text: str) -> str:
    """Raises ImproperlyConfigured if SECRET_KEY is not the one the text was encrypted with."""
    try:
        return _fernet().decrypt(text.encode()).decode()
    except InvalidToken:
        raise ImproperlyConfigured("a partner token was encrypted with another SECRET_KEY") from None
