import base64
from unittest.mock import patch

import pytest
from django.contrib.auth.hashers import get_hasher, identify_hasher, make_password

from chargepoints import authentication
from chargepoints.authentication import ChargePointPasswordHasher, VerifiedPasswords, check, hash_password, parse_basic
from chargepoints.models import ChargePoint

pytestmark = pytest.mark.pure


def basic(text: str | bytes, scheme: bytes = b"Basic") -> bytes:
    return scheme + b" " + base64.b64encode(text.encode() if isinstance(text, str) else text)


def charge_point(identity: str = "CP1", password: str | None = "s3cret") -> ChargePoint:
    return ChargePoint(identity=identity, password_hash=hash_password(password) if password else "")


@pytest.fixture(autouse=True)
def _nothing_verified_yet(monkeypatch):
    monkeypatch.setattr(authentication, "_verified", VerifiedPasswords())


@pytest.fixture
def rounds():
    with patch.object(
        ChargePointPasswordHasher, "encode", autospec=True, side_effect=ChargePointPasswordHasher.encode
    ) as encode:
        yield encode


def test_passwords_of_charge_points_cost_ten_thousand_rounds_and_people_keep_djangos_default():
    encoded = hash_password("s3cret")
    assert encoded.startswith("pbkdf2_charge_point$10000$")
    assert isinstance(identify_hasher(encoded), ChargePointPasswordHasher)
    assert type(get_hasher()).algorithm == "pbkdf2_sha256"
    assert hash_password("s3cret") != encoded


def test_a_hash_fits_its_column():
    assert len(hash_password("x" * 200)) <= ChargePoint._meta.get_field("password_hash").max_length


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (basic("CP1:s3cret"), ("CP1", "s3cret")),
        (basic("CP1:s3cret", scheme=b"bAsIc"), ("CP1", "s3cret")),
        (b"  Basic   " + base64.b64encode(b"CP1:x") + b" ", ("CP1", "x")),
        (basic("CP1:a:b::c"), ("CP1", "a:b::c")),
        (basic("CP1:0001020304050607FFFFFFFFFFFFFFFFFFFFFFFF"), ("CP1", "0001020304050607FFFFFFFFFFFFFFFFFFFFFFFF")),
        (basic("CP1:"), ("CP1", "")),
        (basic(":x"), ("", "x")),
        (basic("CP1:wachtwoord-é"), ("CP1", "wachtwoord-é")),
    ],
)
def test_basic_is_parsed(header, expected):
    assert parse_basic(header) == expected


def test_a_password_sent_as_bytes_is_read_as_its_hexadecimal_digits():
    assert parse_basic(basic(b"CP1:\x00\xff\xfe\x10")) == ("CP1", "00fffe10")


@pytest.mark.parametrize(
    "header",
    [
        None,
        b"",
        b"Basic",
        b"Basic ",
        b"Basic !!!!",
        b"Basic Q1AxOng",  # without padding
        b"Basic Q1Ax\xffOng=",
        basic("no colon"),
        basic(b"\xff\xfe:secret"),
        basic("CP1:x", scheme=b"Bearer"),
        b"Basic" + base64.b64encode(b"CP1:x"),
    ],
)
def test_what_is_not_basic_is_none(header):
    assert parse_basic(header) is None


def test_the_right_password_is_accepted_and_others_are_not():
    known = charge_point()
    assert check(known, "s3cret") is True
    for wrong in ("S3cret", "s3cret ", "", None, known.password_hash):
        assert check(known, wrong) is False


def test_without_a_hash_no_password_is_asked_for():
    assert check(charge_point(password=None), None) is True
    assert check(charge_point(password=None), "whatever") is True


def test_a_hash_of_another_hasher_still_counts():
    known = ChargePoint(identity="CP1", password_hash=make_password("s3cret", hasher="scrypt"))
    assert check(known, "s3cret") is True
    assert check(known, "wrong") is False


def test_a_second_success_costs_no_rounds(rounds):
    known = charge_point()
    rounds.reset_mock()
    assert check(known, "s3cret") is True
    assert rounds.call_count == 1
    assert check(known, "s3cret") is True
    assert rounds.call_count == 1


def test_a_wrong_password_is_never_remembered(rounds):
    known = charge_point()
    check(known, "s3cret")
    rounds.reset_mock()
    assert check(known, "wrong") is False
    assert check(known, "wrong") is False
    assert rounds.call_count == 2
    assert check(known, "s3cret") is True
    assert rounds.call_count == 2


def test_a_changed_password_ends_what_was_remembered():
    known = charge_point()
    assert check(known, "s3cret") is True
    known.password_hash = hash_password("another")
    assert check(known, "s3cret") is False
    assert check(known, "another") is True


def test_what_is_remembered_belongs_to_one_identity(rounds):
    first = charge_point("CP1")
    second = ChargePoint(identity="CP2", password_hash=first.password_hash)
    check(first, "s3cret")
    rounds.reset_mock()
    assert check(second, "s3cret") is True
    assert rounds.call_count == 1


def test_no_more_than_its_size_is_remembered_and_the_least_used_goes_first():
    verified = VerifiedPasswords(size=2)
    one, two, three = (ChargePoint(identity=name, password_hash="hash") for name in ("CP1", "CP2", "CP3"))
    verified.remember(one, "p")
    verified.remember(two, "p")
    assert verified.knows(one, "p")
    verified.remember(three, "p")
    assert len(verified) == 2
    assert [verified.knows(each, "p") for each in (one, two, three)] == [True, False, True]


def test_twenty_thousand_are_remembered_if_nothing_else_is_said():
    verified = VerifiedPasswords()
    for number in range(20_001):
        verified.remember(ChargePoint(identity=f"CP{number}", password_hash="hash"), "p")
    assert len(verified) == 20_000


def test_no_password_is_kept_in_memory():
    verified = VerifiedPasswords()
    verified.remember(ChargePoint(identity="CP1", password_hash="hash"), "s3cret")
    assert "s3cret" not in repr(vars(verified))
    other = VerifiedPasswords()
    other.remember(ChargePoint(identity="CP1", password_hash="hash"), "s3cret")
    assert list(verified._digests.values()) != list(other._digests.values())
