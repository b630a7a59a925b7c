"""Whatever is sent, what reads it comes to an answer or to the one refusal that it has."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.addresses import Client
from cds.admission import let_in
from cds.cms_api.forms import form_in_parts, urlencoded_form
from cds.cms_api.overrides import NotBoolean, overrides_of
from cds.cms_api.tasks import language_of
from cds.cms_api.tokens import KEY_BYTES, LIFETIME_S, Claims, CmsTokens, TokenRefused
from cds.contest_api.errors import Failure
from projections.contest import ContestState
from schemas.extensions import CmsContest
from schemas.objects import Account
from tests.cds.commands.taking_part import ACCOUNT, contest_with

NOW_S = 1_900_000_000
TOKENS = CmsTokens(b"k" * KEY_BYTES, "an admin token")
WITH_ANOTHER_ADMIN_TOKEN = CmsTokens(b"k" * KEY_BYTES, "another admin token")
WITHOUT_ADMIN_TOKEN = CmsTokens(b"k" * KEY_BYTES)
OTHERS = CmsTokens(b"o" * KEY_BYTES)
ANNA = Account(id=ACCOUNT, username="team1", type="team", team_id="t1")

SAID = st.sampled_from(["0", "1", "", "2", "yes", "\N{FULLWIDTH DIGIT ONE}"])
NAMES = st.sampled_from(
    ["override_phase_check", "override_official", "override_max_number", "override_min_interval", "override", "x"]
)
PIECES = st.lists(
    st.sampled_from(
        [
            b"--b",
            b"--",
            b"\r\n",
            b"\r\n\r\n",
            b'Content-Disposition: form-data; name="a"',
            b'; filename="f"',
            b"Content-Type: text/plain",
            b"\xff",
            b"x",
        ]
    ),
    max_size=20,
)


@given(st.binary(max_size=200) | PIECES.map(b"".join))
def test_a_form_is_read_or_refused(body: bytes) -> None:
    with suppress(Failure):
        form_in_parts(body, b"b")
    with suppress(Failure):
        urlencoded_form(body)


@given(st.dictionaries(NAMES, SAID))
def test_overrides_are_read_or_the_first_that_cannot_be_is_named(arguments: dict[str, str]) -> None:
    wrong = {name for name, value in arguments.items() if name.count("_") and value not in ("0", "1", "")}
    if wrong:
        with pytest.raises(NotBoolean) as refused:
            overrides_of(arguments)
        assert refused.value.name in wrong
        return
    found = overrides_of(arguments)
    said = {"0": False, "": False, "1": True}
    assert found.phase is said.get(arguments.get("override_phase_check", "-"))
    assert found.official is said.get(arguments.get("override_official", "-"))
    assert found.max_number is (arguments.get("override_max_number") == "1")
    assert found.min_interval is (arguments.get("override_min_interval") == "1")


def is_good(tokens: CmsTokens, token: str, contest_id: str, now_s: float, state: ContestState) -> bool:
    """Whether a token logs anna in."""
    try:
        claims = tokens.claims(token, contest_id, now_s=now_s)
    except TokenRefused:
        return False
    return claims.account_id == ANNA.id and tokens.counts_for(claims, state, ANNA)


@given(
    st.sampled_from(["live", "other"]),
    st.integers(-10, LIFETIME_S + 10),
    st.sampled_from([TOKENS, OTHERS, WITH_ANOTHER_ADMIN_TOKEN, WITHOUT_ADMIN_TOKEN]),
    st.integers(0, 2),
    st.booleans(),
)
def test_a_token_is_good_for_its_contest_its_time_its_key_and_its_login_alone(
    contest_id: str, later_s: int, reader: CmsTokens, passwords: int, impersonated: bool
) -> None:
    state = contest_with()
    token = TOKENS.token("live", state, ANNA, now_s=NOW_S, impersonated=impersonated)
    for _ in range(passwords):
        state.versions["x-logins", ANNA.id] = state.versions.get(("x-logins", ANNA.id), 0) + 1
    good = contest_id == "live" and later_s < LIFETIME_S and reader is not OTHERS and not passwords
    if impersonated:
        good = good and reader is TOKENS
    assert is_good(reader, token, contest_id, NOW_S + later_s, state) is good


@given(
    st.text(max_size=60) | st.lists(st.sampled_from(["e30", "eyJhbGciOiJub25lIn0", "", "x"]), max_size=4).map(".".join)
)
def test_what_nobody_signed_is_no_token(text: str) -> None:
    assert not is_good(TOKENS, text, "live", NOW_S, contest_with())


@given(st.data())
def test_a_token_with_one_other_character_is_none(data: st.DataObject) -> None:
    token = TOKENS.token("live", contest_with(), ANNA, now_s=NOW_S, impersonated=False)
    place = data.draw(st.integers(0, len(token) - 2))
    other = data.draw(st.sampled_from("abcXYZ019-_.").filter(lambda character: character != token[place]))
    assert not is_good(TOKENS, token[:place] + other + token[place + 1 :], "live", NOW_S, contest_with())


@given(st.text(max_size=30), st.sampled_from(["sum", "a.b", ""]))
def test_a_language_is_part_of_the_file_name(filename: str, task: str) -> None:
    found = language_of(filename, task)
    assert found is None or (found and f".{found}." in f".{filename}.")


@given(st.text(max_size=20) | st.none(), st.booleans())
def test_where_there_is_no_restriction_every_address_does(ip: str | None, certain: bool) -> None:
    account = Account(id=ACCOUNT, username="team1", type="team", team_id="t1", ip=ip)
    client = Client("192.0.2.1", certain)
    assert let_in(contest_with(CmsContest(ip_autologin=True)), account, client)
    assert let_in(contest_with(CmsContest(ip_restriction=True)), account, client) is not bool(ip)


def test_a_version_of_any_letters_is_none() -> None:
    """Nobody but the holder of the key can write one; it must not be an error of the server's all the same."""
    claims = Claims(account_id=ANNA.id, contest_id="live", impersonated=False, version="ä", expires_at_s=NOW_S)
    assert not TOKENS.counts_for(claims, contest_with(), ANNA)
