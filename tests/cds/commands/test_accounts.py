"""What accounts may be, and how their logins change: pure decisions."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.commands.accounts import (
    NETWORKS_MAX,
    PASSWORD_BYTES_MAX,
    WantedAccount,
    account_named,
    decide_accounts,
    decide_removal,
    login_change,
    login_erased,
    networks_of,
    refuse_taken_username,
    refuse_unfit,
    refuse_unfit_password,
)
from cds.commands.decision import ObjectChange, Refused
from projections.contest import ContestState
from schemas.objects import Account
from schemas.records import Login
from tests.builders import Played, small_contest

TEAM = Account(id="new", username="new", type="team", team_id="t2")


def contest(*more: ObjectChange) -> ContestState:
    """The small contest, with more changes."""
    return Played([*small_contest(), *more], roles=()).state


def test_a_new_password_is_counted() -> None:
    state = contest()
    (change,) = login_change(state, "account-t1", new_password=True, disabled=None)
    assert change == ObjectChange("x-logins", "account-t1", Login(generation=1))
    (again,) = login_change(contest(change), "account-t1", new_password=True, disabled=True)
    assert again.instance == Login(generation=2, disabled=True)


def test_what_changes_nothing_is_no_change() -> None:
    disabled = ObjectChange("x-logins", "account-t1", Login(disabled=True, generation=3))
    assert login_change(contest(), "account-t1", new_password=False, disabled=None) == []
    assert login_change(contest(), "account-t1", new_password=False, disabled=False) == []
    assert login_change(contest(disabled), "account-t1", new_password=False, disabled=None) == []
    assert login_change(contest(disabled), "account-t1", new_password=False, disabled=True) == []
    (enabled,) = login_change(contest(disabled), "account-t1", new_password=False, disabled=False)
    assert enabled.instance == Login(generation=3)


def test_the_login_of_a_deleted_account_is_erased_also_where_there_is_no_record_of_it() -> None:
    """So whoever logged in without a password (an address, the admin token) is out when the id is used again."""
    state = contest()
    assert ("x-logins", "account-admin") not in state.versions
    erased = ObjectChange("x-logins", "account-admin", None)
    assert login_erased("account-admin") == erased
    assert decide_removal(state, "account-admin") == [erased, ObjectChange("accounts", "account-admin", None)]


def test_a_user_name_means_one_account() -> None:
    state = contest()
    refuse_taken_username(state, Account(id="account-t1", username="team1", type="team", team_id="t1"))
    with pytest.raises(Refused) as refused:
        refuse_taken_username(state, Account(id="other", username="team1", type="team", team_id="t1"))
    assert (refused.value.ground, refused.value.property) == ("conflict", "username")


@pytest.mark.parametrize(
    ("account", "property_name"),
    [
        (Account(id="a", username="", type="judge"), "username"),
        (Account(id="a", username="a:b", type="judge"), "username"),
        (Account(id="a", username="a\nb", type="judge"), "username"),
        (Account(id="a", username="a\x7f", type="judge"), "username"),
        (Account(id="a", username="a", type="team"), "team_id"),
        (Account(id="a", username="a", type="team", team_id=""), "team_id"),
        (Account(id="a", username="a", type="judge", ip="10.0.0.256"), "ip"),
        (Account(id="a", username="a", type="judge", ip="10.0.0.1,"), "ip"),
        (Account(id="a", username="a", type="judge", ip="judge.example.com"), "ip"),
        (Account(id="a", username="a", type="judge", ip=""), "ip"),
    ],
)
def test_unfit_accounts_are_refused(account: Account, property_name: str) -> None:
    with pytest.raises(Refused) as refused:
        refuse_unfit(account)
    assert (refused.value.ground, refused.value.property) == ("invalid", property_name)


@pytest.mark.parametrize(
    "account",
    [
        Account(id="a", username="Ädmin Müller", type="admin"),
        Account(id="a", username="a", type="team", team_id="t1", ip="10.0.0.1, 2001:db8::/64"),
        Account(id="a", username="a", type="something else"),
    ],
)
def test_fit_accounts_are_let_pass(account: Account) -> None:
    refuse_unfit(account)


def test_networks_are_addresses_and_networks_separated_by_commas() -> None:
    expected = (ip_network("10.0.0.7/32"), ip_network("10.1.0.0/16"), ip_network("2001:db8::/64"))
    assert networks_of("10.0.0.7, 10.1.2.3/16,2001:db8::1/64") == expected
    with pytest.raises(ValueError, match="more than"):
        networks_of(",".join(["10.0.0.1"] * (NETWORKS_MAX + 1)))


@given(st.text())
def test_any_text_is_read_as_networks_or_refused(text: str) -> None:
    try:
        networks = networks_of(text)
    except ValueError:
        return
    assert len(networks) == text.count(",") + 1


@pytest.mark.parametrize("password", ["", "x" * (PASSWORD_BYTES_MAX + 1), "ä" * 600, "line\nbreak", "$argon2id$v=19$x"])
def test_unfit_passwords_are_refused(password: str) -> None:
    with pytest.raises(Refused) as refused:
        refuse_unfit_password(password)
    assert refused.value.property == "password"
    assert password == "" or password not in refused.value.reason


@pytest.mark.parametrize("password", ["x", "pass word", "pässwörd: more", "x" * PASSWORD_BYTES_MAX])
def test_fit_passwords_are_let_pass(password: str) -> None:
    refuse_unfit_password(password)


def test_accounts_are_found_by_id_and_by_user_name() -> None:
    state = contest(ObjectChange("accounts", "root", Account(id="root", username="boss", type="admin")))
    assert account_named(state, "team1").id == "account-t1"
    assert account_named(state, "account-t1").id == "account-t1"
    assert account_named(state, "root").username == "boss"  # an id comes before the user name of another
    with pytest.raises(Refused, match="no account nobody") as refused:
        account_named(state, "nobody")
    assert refused.value.ground == "unknown"


def test_a_user_name_of_two_accounts_must_be_told_apart() -> None:
    state = contest(ObjectChange("accounts", "twin", Account(id="twin", username="team1", type="judge")))
    with pytest.raises(Refused, match="account-t1, twin"):
        account_named(state, "team1")


def test_accounts_are_created_and_changed_in_one_batch() -> None:
    state = contest()
    present = account_named(state, "team1")
    changes = decide_accounts(state, [WantedAccount(TEAM, new_password=True), WantedAccount(present)])
    assert [(change.type, change.id) for change in changes] == [("accounts", "new"), ("x-logins", "new")]
    after = contest(*changes)
    assert decide_accounts(after, [WantedAccount(TEAM), WantedAccount(present)]) == []


def test_accounts_of_one_batch_may_swap_their_user_names() -> None:
    state = contest()
    first = Account(id="account-t1", username="root", type="team", team_id="t1")
    second = Account(id="account-admin", username="team1", type="admin")
    assert len(decide_accounts(state, [WantedAccount(first), WantedAccount(second)])) == 2
    with pytest.raises(Refused, match="user name root"):
        decide_accounts(state, [WantedAccount(first)])


@pytest.mark.parametrize(
    ("account", "property_name"),
    [
        (Account(id="new", username="new", type="team", team_id="nowhere"), "team_id"),
        (Account(id="new", username="new", type="judge", person_id="nobody"), "person_id"),
        (Account(id="new", username="team1", type="judge"), "username"),
        (Account(id="new", username="", type="judge"), "username"),
    ],
)
def test_one_unfit_account_refuses_the_whole_batch(account: Account, property_name: str) -> None:
    fit = Account(id="fit", username="fit", type="judge")
    with pytest.raises(Refused) as refused:
        decide_accounts(contest(), [WantedAccount(fit), WantedAccount(account)])
    assert refused.value.property == property_name


def test_an_account_may_be_named_once_in_a_batch() -> None:
    with pytest.raises(Refused, match="the id new"):
        decide_accounts(contest(), [WantedAccount(TEAM), WantedAccount(TEAM)])


def test_a_removed_account_takes_its_login_with_it() -> None:
    login = ObjectChange("x-logins", "account-admin", Login(generation=1))
    changes = decide_removal(contest(login), "account-admin")
    assert changes == [ObjectChange("x-logins", "account-admin", None), ObjectChange("accounts", "account-admin", None)]


def test_an_account_that_has_submitted_cannot_be_removed() -> None:
    with pytest.raises(Refused, match="it can be disabled") as refused:
        decide_removal(contest(), "account-t1")
    assert refused.value.ground == "conflict"
    with pytest.raises(Refused) as unknown:
        decide_removal(contest(), "nobody")
    assert unknown.value.ground == "unknown"
