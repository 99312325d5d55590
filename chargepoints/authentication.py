"""How a charge point proves who it is: HTTP Basic with its identity and password (OCPP-J 1.6 section 6.2)."""

import base64
import binascii
import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict

from django.contrib.auth.hashers import PBKDF2PasswordHasher, check_password, make_password

from chargepoints.models import ChargePoint


class ChargePointPasswordHasher(PBKDF2PasswordHasher):
    """Fewer rounds than for people: passwords of charge points are long random strings, which no number of rounds
    makes harder to guess, and ten thousand charge points reconnect at once.
    """

    algorithm = "pbkdf2_charge_point"
    iterations = 10_000


class VerifiedPasswords:
    """Remembers in memory which password matched which hash, so that a reconnect storm costs no PBKDF2.

    Keeps no password: an HMAC under a key that lives only as long as the process. The least recently used entry goes
    first; a new password has a new hash, so an entry never outlives its password.
    """

    def __init__(self, *, size: int = 20_000) -> None:
        self._size = size
        self._key = secrets.token_bytes(32)
        self._digests: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._digests)

    def remember(self, charge_point: ChargePoint, password: str) -> None:
        entry = (charge_point.identity, charge_point.password_hash)
        with self._lock:
            self._digests[entry] = self._digest(password)
            self._digests.move_to_end(entry)
            if len(self._digests) > self._size:
                self._digests.popitem(last=False)

    def knows(self, charge_point: ChargePoint, password: str) -> bool:
        entry = (charge_point.identity, charge_point.password_hash)
        with self._lock:
            digest = self._digests.get(entry)
            if digest is None:
                return False
            self._digests.move_to_end(entry)
        return hmac.compare_digest(digest, self._digest(password))

    def _digest(self, password: str) -> bytes:
        return hmac.digest(self._key, password.encode(), hashlib.sha256)


_verified = VerifiedPasswords()


def hash_password(password: str) -> str:
    """Also the work to spend on an unknown identity, so that its refusal takes as long as that of a known one."""
    return make_password(password, hasher=ChargePointPasswordHasher.algorithm)


def parse_basic(header: bytes | None) -> tuple[str, str] | None:
    """Identity and password of an `Authorization` header; None when it is not HTTP Basic (RFC 7617 section 2).

    The identity ends at the first colon; the password may contain more. Some charge points send their
    AuthorizationKey as the bytes it stands for: bytes that are no text are read as their hexadecimal digits.
    """
    scheme, _, encoded = (header or b"").strip().partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        identity, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return (identity.decode(), _password_text(password)) if colon else None
    except (binascii.Error, UnicodeDecodeError):
        return None


def _password_text(password: bytes) -> str:
    try:
        return password.decode()
    except UnicodeDecodeError:
        return password.hex()


def check(charge_point: ChargePoint, password: str | None) -> bool:
    """True also for a charge point without a password hash: none is asked for. Only successes are remembered."""
    if not charge_point.password_hash:
        return True
    if password is None:
        return False
    if _verified.knows(charge_point, password):
        return True
    if not check_password(password, charge_point.password_hash, preferred=ChargePointPasswordHasher.algorithm):
        return False
    _verified.remember(charge_point, password)
    return True
