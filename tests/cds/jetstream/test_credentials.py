"""Credentials of users of NATS: what a file of them says, what is refused, and that none of it is repeated."""

from base64 import b64decode
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature

from cds.jetstream.credentials import CredentialsRefused, read_credentials
from tests.nats_credentials import ACCOUNT, USER, Party, credentials_text

JWT = "head.claims.signature_-"


def test_what_is_signed_is_signed_with_the_key_of_the_seed(tmp_path: Path) -> None:
    user, path = Party(USER), tmp_path / "user.creds"
    path.write_text(credentials_text(JWT, user.seed).replace("\n", "\r\n"))
    credentials = read_credentials(path)
    assert credentials.jwt == JWT
    user.public_key.verify(b64decode(credentials.signed("nonce")), b"nonce")
    with pytest.raises(InvalidSignature):
        user.public_key.verify(b64decode(credentials.signed("nonce")), b"other")
    assert JWT not in repr(credentials)


def damaged(seed: str) -> str:
    """A seed with one letter changed."""
    return seed[:20] + ("A" if seed[20] != "A" else "B") + seed[21:]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\N{LATIN SMALL LETTER A WITH DIAERESIS}",
        credentials_text(JWT, damaged(Party(USER).seed)),
        credentials_text(JWT, Party(USER).seed[:-8]),
        credentials_text(JWT, Party(USER).seed[:-1]),
        credentials_text(JWT, Party(USER).name),
        credentials_text(JWT, Party(ACCOUNT).seed),
        credentials_text("", Party(USER).seed),
        credentials_text(JWT, Party(USER).seed).replace("BEGIN NATS USER JWT", "BEGIN NATS"),
        credentials_text(JWT, Party(USER).seed).partition("-----BEGIN USER NKEY SEED-----")[0],
    ],
)
def test_what_is_none_is_refused_and_not_repeated(text: str, tmp_path: Path) -> None:
    path = tmp_path / "user.creds"
    path.write_text(text)
    with pytest.raises(CredentialsRefused) as refused:
        read_credentials(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert JWT not in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CredentialsRefused, match="No such file"):
        read_credentials(tmp_path / "user.creds")
