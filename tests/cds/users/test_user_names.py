"""What may be a user name, a name, an address or a password, and which names are the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.commands.user_names import (
    folded_email,
    folded_username,
    is_display_name,
    is_email,
    is_password,
    is_username,
    mailbox,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada", "aDA"),
        ("\u00e9", "e\u0301"),
        ("\uff21\uff24\uff21", "ada"),
        ("stra\u00dfe", "STRASSE"),
        ("\ufb01sh", "fish"),
        ("\u03a3\u03c2", "\u03c3\u03c3"),
        ("ada\ufe0f", "ada"),
        ("a\u3164da", "ada"),
        ("\u212b", "\u00e5"),
    ],
)
def test_names_that_count_as_one(one: str, other: str) -> None:
    assert folded_username(one) == folded_username(other)


@pytest.mark.parametrize(("one", "other"), [("ada", "adb"), ("a b", "ab"), ("a.b", "ab"), ("0", "O"), ("é", "e")])
def test_names_that_are_two(one: str, other: str) -> None:
    assert folded_username(one) != folded_username(other)


@given(st.text(max_size=20))
def test_folding_once_is_enough(text: str) -> None:
    once = folded_username(text)
    assert folded_username(once) == once
    assert folded_email(folded_email(text)) == folded_email(text)


@given(st.text(min_size=1, max_size=130))
def test_a_name_that_is_let_pass_can_be_seen_and_kept(text: str) -> None:
    """Whatever is random: no name is invisible, too long, or not to be encoded."""
    if is_username(text):
        assert 1 <= len(text) <= 128
        assert text.isprintable() or " " in text or any(character.isspace() for character in text)
        assert folded_username(text).strip()
        assert text.encode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\u3164",
        "\ufe0f",
        "ada ",
        "\u00a0ada",
        "a\tb",
        "a\u2028b",
        "a\u200db",
        "a\ud800b",
        "a\ufeffb",
        "a\ue000b",
        "deleted-u12",
        "DELETED-u1",
        "a" * 129,
    ],
)
def test_what_is_no_name(text: str) -> None:
    assert not is_username(text)


@pytest.mark.parametrize("text", ["a", "a" * 128, "ada.lovelace", "deleted-x", "deleted-u1x", "O'Neil", "名前", "🦀"])
def test_what_is_a_name(text: str) -> None:
    assert is_username(text)


def test_names_to_show() -> None:
    assert all(map(is_display_name, ("", "Ada King, Countess of Lovelace", "a" * 255)))
    assert not any(map(is_display_name, ("a" * 256, "a\nb", "a\u0000", "a\u2029", "a\ud800")))


@pytest.mark.parametrize(
    "text",
    [
        "my_email@example.com",
        "a+b@x.co",
        "жена@пример.рф",
        "a@xn--mnchen-3ya.de",
        "a@mail.test",
        "a=b?@x.co",
        f"{'a' * 64}@x.co",
    ],
)
def test_what_is_an_address(text: str) -> None:
    assert is_email(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a@",
        "@b.c",
        "a@b",
        "a b@c.de",
        "a@b.de\n",
        "a@b.de\r\nBcc: x@y.de",
        "<a@b.de>",
        f"{'a' * 255}@b.de",
        f"{'a' * 65}@b.de",
        "=?utf-8?q?x?=@example.org",
        "=?utf-8?b?YQ0KYg==?=@example.org",
        "a=?b@example.org",
    ],
)
def test_what_is_no_address(text: str) -> None:
    """Nor is anything that would be another address in the head of a mail (RFC 2047)."""
    assert not is_email(text)


@pytest.mark.parametrize("text", ["Ada@Example.com", "ada+1@example.com", "ada+a+b@example.com"])
def test_addresses_of_one_mailbox(text: str) -> None:
    assert mailbox(text) == "ada@example.com"


def test_addresses_of_other_mailboxes() -> None:
    """What begins with the sign is no addition to anything."""
    assert len(set(map(mailbox, ("a@b.de", "b@b.de", "a@c.de", "+a@b.de", "+b@b.de")))) == 5


def test_passwords() -> None:
    """Eight characters of any kind; not one's own name, however it is spelled."""
    assert is_password("mypassword", "test_user", "my_email@example.com")
    assert is_password("12345678")
    assert is_password("a" * 128)
    assert not is_password("1234567")
    assert not is_password("a" * 129)
    assert not is_password("Test_User", "test_user", "my_email@example.com")
    assert not is_password("MY_email@example.com", "test_user", "my_email@example.com")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x@exämple.com", "x@xn--exmple-cua.com"),
        ("x@EXÄMPLE.com", "X@xn--exmple-cua.COM"),
        ("x@例え。jp", "x@xn--r8jz45g.jp"),
    ],
)
def test_a_domain_in_unicode_and_in_ascii_is_one(one: str, other: str) -> None:
    assert folded_email(one) == folded_email(other) == folded_email(folded_email(one))


def test_domains_that_are_no_domains_are_told_apart_all_the_same() -> None:
    texts = ["x@a_b.com", "x@a-b.com", "x@", "x", "@", "x@y@a_b.com", f"x@{'a' * 70}.com"]
    assert len({folded_email(text) for text in texts}) == len(texts)
    assert folded_email("straße@straße.example") != folded_email("strasse@strasse.example")
