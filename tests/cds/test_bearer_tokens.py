"""Bearer tokens by themselves: what is read again, and what never is."""

import hmac
import json
import random
from base64 import urlsafe_b64encode
from hashlib import sha512
from typing import Any

import jwt
import pytest

from cds.bearer_tokens import (
    ALGORITHM,
    CLAIMS,
    ISSUER,
    KEY_BYTES,
    TOKEN_CHARACTERS_MAX,
    BearerRefused,
    BearerTokens,
    bearer_tokens,
)
from eventstore.memory import MemoryStore

KEY = bytes(range(KEY_BYTES))
TOKENS = BearerTokens(KEY)
NOW_S, LIFETIME_S = 1_000, 10
TOKEN = TOKENS.token(subject="admin", role="admin", password_hash="hash", now_s=NOW_S, lifetime_s=LIFETIME_S)
SAID: dict[str, Any] = jwt.decode(TOKEN, options={"verify_signature": False})
RANDOM_TOKENS = 3_000


def fault(token: str, *, now_s: float = NOW_S) -> str:
    """Why a token is refused; empty when it is not."""
    try:
        TOKENS.claims(token, now_s=now_s)
    except BearerRefused as refused:
        return refused.fault
    return ""


def part(content: bytes) -> str:
    """A part of a token."""
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def signed(payload: bytes, header: bytes = b'{"alg":"HS512","typ":"JWT"}') -> str:
    """Any bytes, signed with the very key."""
    message = f"{part(header)}.{part(payload)}"
    return f"{message}.{part(hmac.new(KEY, message.encode(), sha512).digest())}"


def headed(header: bytes) -> str:
    """The good token with another header."""
    return f"{part(header)}.{TOKEN.partition('.')[2]}"


def said(**changed: object) -> str:
    """A token that says something else, signed with the very key."""
    return signed(json.dumps({**SAID, **changed}).encode())


def without(claim: str) -> str:
    """A token that does not say something, signed with the very key."""
    return signed(json.dumps({name: value for name, value in SAID.items() if name != claim}).encode())


def test_a_token_says_whose_it_is_and_until_when() -> None:
    claims = TOKENS.claims(TOKEN, now_s=NOW_S)
    assert (claims.issuer, claims.audience, claims.subject, claims.role) == (ISSUER, "admin", "admin", "admin")
    assert (claims.issued_at_s, claims.expires_at_s) == (NOW_S, NOW_S + LIFETIME_S)
    assert claims.version == TOKENS.version("admin", "hash")
    assert set(SAID) == set(CLAIMS)
    assert jwt.get_unverified_header(TOKEN)["alg"] == ALGORITHM
    assert "hash" not in json.dumps(SAID)


def test_no_two_tokens_are_the_same() -> None:
    again = TOKENS.token(subject="admin", role="admin", password_hash="hash", now_s=NOW_S, lifetime_s=LIFETIME_S)
    assert TOKENS.claims(again, now_s=NOW_S).token_id != TOKENS.claims(TOKEN, now_s=NOW_S).token_id


def test_it_is_good_until_it_expires_and_not_a_moment_longer() -> None:
    assert fault(TOKEN, now_s=NOW_S + LIFETIME_S - 0.001) == ""
    assert fault(TOKEN, now_s=NOW_S + LIFETIME_S) == "expired"
    assert fault(TOKEN, now_s=NOW_S - 60) == "", "clocks of two machines may differ"


def test_the_fingerprint_is_of_account_and_password_and_key() -> None:
    """Who has the same password under another name, or on another server, has another fingerprint."""
    fingerprints = {
        TOKENS.version("admin", "hash"),
        TOKENS.version("admin", "other"),
        TOKENS.version("other", "hash"),
        BearerTokens(bytes(KEY_BYTES)).version("admin", "hash"),
    }
    assert len(fingerprints) == 4


@pytest.mark.parametrize(
    "token",
    [
        "",
        "abc",
        "a.b.c",
        "..",
        TOKEN[:-1],
        TOKEN + "x",
        TOKEN + ".",
        TOKEN + "=",
        TOKEN + "==",
        TOKEN[:-1] + chr(ord(TOKEN[-1]) + 1),
        TOKEN.rpartition(".")[0],
        "é" + TOKEN,
        "\udcff",
        TOKEN + " " * TOKEN_CHARACTERS_MAX,
        headed(b"null"),
        headed(b"\xff"),
        headed(b"{"),
        headed(b"[" * 2_900),
        headed(b'{"a":' * 580),
        headed(b'{"alg":"HS512","b64":false}'),
        signed(b"5"),
        signed(b"{"),
        signed(b"[" * 2_900),
    ],
)
def test_what_is_no_token_is_malformed(token: str) -> None:
    assert fault(token) == "malformed"


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(TOKEN[:-5] + "AAAAA", id="another signature"),
        pytest.param(jwt.encode(SAID, bytes(KEY_BYTES), algorithm="HS512"), id="another key"),
        pytest.param(jwt.encode(SAID, KEY, algorithm="HS256"), id="HS256 with the same key"),
        pytest.param(jwt.encode(SAID, KEY, algorithm="HS384"), id="HS384 with the same key"),
        pytest.param(headed(b'{"alg":"none"}').rpartition(".")[0] + ".", id="none, without a signature"),
        pytest.param(headed(b'{"alg":"none"}'), id="none"),
        pytest.param(headed(b'{"alg":"None"}'), id="None"),
        pytest.param(headed(b'{"alg":null}'), id="null"),
        pytest.param(headed(b'{"alg":["HS512"]}'), id="a list of algorithms"),
        pytest.param(headed(b"{}"), id="no algorithm"),
        pytest.param(said(iss="somebody else"), id="another issuer"),
        pytest.param(said(iss=[ISSUER]), id="a list of issuers"),
        pytest.param(said(aud="loc"), id="an audience of others"),
        pytest.param(said(aud="everybody"), id="an audience that there is not"),
        pytest.param(said(aud=["admin"]), id="a list of audiences"),
        pytest.param(said(role="team"), id="a role of another audience"),
        pytest.param(said(sub=5), id="a number for a subject"),
        pytest.param(said(jti=5), id="a number for an id"),
        pytest.param(said(exp="1010"), id="a text for a time"),
        pytest.param(said(exp=1e999), id="no end"),
        pytest.param(said(exp=float("nan")), id="an end that is no number"),
        pytest.param(said(iat=None), id="no beginning"),
        pytest.param(said(ver=["x"]), id="a list for a fingerprint"),
        pytest.param(signed(b"{}"), id="nothing said"),
        *(pytest.param(without(claim), id=f"no {claim}") for claim in CLAIMS),
    ],
)
def test_what_was_not_made_here_is_not_valid(token: str) -> None:
    assert fault(token) == "not valid"


def test_nothing_else_comes_of_a_token_that_was_tampered_with() -> None:
    """Not even of the bits of its last character that mean nothing: nobody has two texts of one token."""
    dice = random.Random(1)
    for _ in range(RANDOM_TOKENS):
        place = dice.randrange(len(TOKEN))
        other = chr(dice.randrange(33, 127))
        if other != TOKEN[place]:
            assert fault(TOKEN[:place] + other + TOKEN[place + 1 :]) in {"malformed", "not valid"}
    for last in range(33, 127):
        assert (fault(TOKEN[:-1] + chr(last)) == "") == (chr(last) == TOKEN[-1])


def test_a_token_of_a_team_is_for_those_who_play() -> None:
    made = TOKENS.token(subject="t1", role="team", password_hash="", now_s=NOW_S, lifetime_s=LIFETIME_S)
    assert TOKENS.claims(made, now_s=NOW_S).audience == "loc"


async def test_the_key_is_that_of_the_database(memory_store: MemoryStore) -> None:
    one, two = await bearer_tokens(memory_store), await bearer_tokens(memory_store)
    made = one.token(subject="a", role="admin", password_hash="h", now_s=NOW_S, lifetime_s=1)
    assert two.claims(made, now_s=NOW_S).subject == "a"
    assert fault(made) == "not valid"


def test_a_short_key_is_none() -> None:
    with pytest.raises(ValueError, match="64 bytes"):
        BearerTokens(b"potato")
