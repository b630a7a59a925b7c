"""Decisions about webhooks, and the fold of their stream."""

from ipaddress import ip_address

import msgspec
import pytest

from cds.commands import webhooks
from cds.commands.decision import Refused
from cds.commands.webhook_urls import check_url, is_public
from cds.commands.webhooks import (
    Registering,
    Registrant,
    WebhookPatch,
    decide_patch,
    decide_registration,
    known_webhook,
    new_webhook,
)
from projections import webhooks as folding
from projections.feed_lines import ALL_TYPES_MASK
from projections.webhooks import CHOICES_KEPT_MAX, Registrations, Stretch, types_mask
from schemas.object_types import TYPE_ORDER
from schemas.webhooks import Repeatable, Webhook

ROOT = "admin"
STAFF = "staff"


def webhook(identifier: str = "w1", owner: str = ROOT, url: str = "https://example.com/hook") -> Webhook:
    """A webhook that was registered when the contest `wf` had come to position 10."""
    return new_webhook(
        Registering(url=url, token="secret"),
        identifier=identifier,
        secret="s1",
        owner=owner,
        after={"wf": 10},
        request=Repeatable(record_id=f"by {identifier}", fingerprint="f"),
    )


def state_with(*made: Webhook) -> Registrations:
    """The state after these registrations."""
    state = Registrations()
    for position, each in enumerate(made, 1):
        state.take_in(position, each.id, each)
    return state


def test_a_webhook_survives_the_log_unchanged() -> None:
    assert msgspec.json.decode(msgspec.json.encode(webhook()), type=Webhook) == webhook()


def test_there_are_only_so_many_of_one_account_and_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "WEBHOOKS_OF_OWNER_MAX", 1)
    monkeypatch.setattr(webhooks, "WEBHOOKS_MAX", 2)
    with pytest.raises(Refused, match="this account has 1 webhooks already"):
        decide_registration(state_with(webhook()), webhook("w2"), private_allowed=False)
    assert decide_registration(state_with(webhook()), webhook("w2", STAFF), private_allowed=False).owner == STAFF
    with pytest.raises(Refused, match="there are 2 webhooks already"):
        decide_registration(state_with(webhook(), webhook("w2", STAFF)), webhook("w3"), private_allowed=False)


def test_a_change_of_the_choice_alone_begins_where_the_contests_are_now() -> None:
    before = webhook()
    same = decide_patch(before, WebhookPatch(endpoints=(), active=True), secret="s2", after={"wf": 20})
    assert same == before
    off = decide_patch(before, WebhookPatch(active=False), secret="s2", after={"wf": 20})
    assert (off.active, off.after, off.secret) == (False, {"wf": 10}, "s1")
    renewed = decide_patch(before, WebhookPatch(token="new"), secret="s2", after={"wf": 20})
    assert (renewed.secret, renewed.after) == ("s2", {"wf": 10})
    given_up = msgspec.structs.replace(before, active=False, deactivated=True)
    again = decide_patch(given_up, WebhookPatch(active=True), secret="s2", after={"wf": 20})
    assert again == before
    narrowed = decide_patch(before, WebhookPatch(endpoints=("teams",)), secret="s2", after={"wf": 20})
    assert (narrowed.endpoints, narrowed.after, narrowed.secret) == (("teams",), {"wf": 20}, "s1")


def test_who_may_not_see_a_webhook_is_told_that_there_is_none() -> None:
    state = state_with(webhook(), webhook("w2", STAFF))
    everybody = Registrant(username=ROOT, role="admin")
    staff = Registrant(username=STAFF, role="staff")
    for registrant, seen in ((everybody, {"w1", "w2"}), (staff, {"w2"})):
        for identifier in ("w1", "w2", "w3"):
            if identifier in seen:
                assert known_webhook(state, identifier, registrant).id == identifier
            else:
                with pytest.raises(Refused, match="webhook not found"):
                    known_webhook(state, identifier, registrant)


def test_what_was_written_under_a_choice_is_told_under_that_one() -> None:
    first = msgspec.structs.replace(webhook(), endpoints=("teams",))
    second = msgspec.structs.replace(first, endpoints=("contests",), contest_ids=("wf",), after={"wf": 20, "new": 3})
    state = state_with(first)
    state.take_in(2, "w1", second)
    state.take_in(3, "w1", msgspec.structs.replace(second, active=False))
    registration = state.find("w1")
    assert registration is not None
    teams, contest = types_mask(("teams",)), types_mask(("contest",))
    assert (registration.begin("wf"), registration.begin("new")) == (10, 0)
    assert [registration.stretch("wf", position) for position in (10, 19, 20, 99)] == [
        Stretch(teams, 20),
        Stretch(teams, 20),
        Stretch(contest, None),
        Stretch(contest, None),
    ]
    assert [registration.stretch("new", position) for position in (0, 3)] == [Stretch(teams, 3), Stretch(0, None)]
    assert registration.concerns("new")
    assert not registration.webhook.active


def test_only_so_many_choices_are_told_apart() -> None:
    state = state_with(webhook())
    for number in range(2 * CHOICES_KEPT_MAX):
        changed = msgspec.structs.replace(webhook(), contest_ids=(f"c{number}",), after={"wf": 11 + number})
        state.take_in(2 + number, "w1", changed)
    registration = state.find("w1")
    assert registration is not None
    assert (len(registration.choices), registration.begin("wf")) == (CHOICES_KEPT_MAX, 10)


def test_deleted_webhooks_and_the_requests_that_made_them_are_remembered() -> None:
    state = state_with(webhook())
    state.take_in(2, "w1", None)
    assert (len(state), list(state), state.find("w1"), list(state.deleted)) == (0, [], None, ["w1"])
    assert state.made_by["by w1"].id == "w1"


def test_what_is_remembered_of_deleted_webhooks_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "DELETED_KEPT_MAX", 2)
    monkeypatch.setattr(folding, "REQUESTS_KEPT_MAX", 3)
    state = Registrations()
    for number in range(5):
        state.take_in(2 * number + 1, f"w{number}", webhook(f"w{number}"))
        state.take_in(2 * number + 2, f"w{number}", None)
    assert list(state.deleted) == ["w3", "w4"]
    assert list(state.made_by) == ["by w2", "by w3", "by w4"]


def test_every_event_about_a_webhook_is_news_of_it() -> None:
    """Also one that says nothing new: whoever has activated it once more wants to see it called."""
    state = state_with(webhook())
    state.take_in(2, "w1", webhook())
    registration = state.find("w1")
    assert registration is not None
    assert (registration.position, len(registration.choices)) == (2, 1)


def test_endpoints_are_types() -> None:
    assert types_mask(()) == ALL_TYPES_MASK
    assert types_mask(("contest",)) == types_mask(("contests", "contest")) == 1 << TYPE_ORDER["contest"]
    assert types_mask(("teams", "state")) == 1 << TYPE_ORDER["teams"] | 1 << TYPE_ORDER["state"]


PRIVATE = (
    "127.0.0.1 127.255.0.1 0.0.0.0 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 192.0.2.1 198.18.0.1 "
    "224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255 ::1 :: fe80::1 fc00::1 fd12::1 ff02::1 ::ffff:10.0.0.1 "
    "::ffff:127.0.0.1 ::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b:1::1 2002:7f00:1:: 2002:a00:1:: 2001:0:1:: 2001:db8::1 "
    "192.88.99.1 fec0::1 feff::1 5f00::1 3fff::1 3fff:fff:ffff::1 2002:c058:6301:: ::ffff:192.88.99.1"
)
PUBLIC = "8.8.8.8 1.1.1.1 2001:4860:4860::8888 ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::"


@pytest.mark.parametrize("text", PRIVATE.split())
def test_an_address_that_is_not_public_is_refused_unless_private_ones_are_allowed(text: str) -> None:
    assert not is_public(ip_address(text))
    url = f"http://{f'[{text}]' if ':' in text else text}:8080/hook"
    with pytest.raises(Refused, match="is no public address"):
        check_url(url, private_allowed=False)
    check_url(url, private_allowed=True)


@pytest.mark.parametrize("text", PUBLIC.split())
def test_an_address_of_the_internet_is_public(text: str) -> None:
    assert is_public(ip_address(text))
    check_url(f"https://{f'[{text}]' if ':' in text else text}/hook", private_allowed=False)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "//example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "http://",
        "http:///path",
        "http://@example.com/",
        "http://user@example.com/",
        "http://example.com\\@10.0.0.1/",
        "http://example.com:0/",
        "http://example.com:port/",
        "http://[::1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://10.0.0.1./",
        "http://example.com/\r\nHost: other",
        "http://exämple.com/",
        "http://example.com/#fragment",
        "http://example.com/ path",
    ],
)
def test_what_cannot_be_called_is_refused(url: str) -> None:
    for private_allowed in (False, True):
        with pytest.raises(Refused) as refused:
            check_url(url, private_allowed=private_allowed)
        assert refused.value.property == "url"


@pytest.mark.parametrize(
    "url",
    ["http://example.com", "HTTPS://Example.com:8443/a/b?c=d&e=%20", "http://localhost:8080/", "http://a.b-c.d1/"],
)
def test_names_are_taken_as_they_are(url: str) -> None:
    """What they lead to is looked at when they are called."""
    check_url(url, private_allowed=False)
