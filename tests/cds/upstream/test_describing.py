"""How sources are described, and what is refused before anything is followed."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cds.cli import main
from cds.source_options import chosen_sources
from cds.upstream.describing import DescriptionRefused, option_of, read_sources, source_options, without_repetition

URL = "http://127.0.0.1:1/api/contests/wf"


def test_a_source_is_a_contest_id_and_a_url() -> None:
    """As `--source` has it; the URL may hold an equals sign."""
    source = option_of(f"finals={URL}")
    assert (source.contest_id, source.address.url, source.stream) == ("finals", URL, "source:finals")
    assert source_options(URL).contest_id == "wf"
    assert source_options(URL, shadow="second").stream == "source:wf/second"


@pytest.mark.parametrize("text", [URL, "finals", f"={URL}", "a b=http://h/api/contests/x", "finals=http://h/api"])
def test_what_is_no_source_is_refused(text: str) -> None:
    """Each with a reason."""
    with pytest.raises(DescriptionRefused):
        option_of(text)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"username": "me"}, "no password"),
        ({"password": "x"}, "no user name"),
        ({"username": "a:b", "password": "x"}, "colon"),
        ({"shadow": "../x"}, "second system"),
        ({"contest_id": "-bad"}, "no id"),
    ],
)
def test_what_does_not_fit_is_refused(more: dict[str, str], words: str) -> None:
    """Half a login, names that are none."""
    with pytest.raises(DescriptionRefused, match=words):
        source_options(URL, **more)  # type: ignore[arg-type]  # the names are those of texts


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"\xff\xfe", "it is not UTF-8"), (b"\n", "there is no password in"), (None, "No such file")],
)
def test_a_file_without_a_password_is_named(tmp_path: Path, content: bytes | None, words: str) -> None:
    """On the command line and in the file of sources."""
    password = tmp_path / "password"
    sources = tmp_path / "sources.toml"
    sources.write_text(f'[[source]]\nurl = "{URL}"\nusername = "me"\npassword_file = "{password}"\n')
    if content is not None:
        password.write_bytes(content)
        result = CliRunner().invoke(main, ["follow", URL, "--username", "me", "--password-file", str(password)])
        assert result.exit_code == 2
        assert words in result.output
        assert password.name in result.output
    with pytest.raises(DescriptionRefused, match=f"source 1: .*{password}") as refused:
        read_sources(sources)
    assert words in str(refused.value)


@pytest.mark.parametrize("content", [b"no certificate\n", None])
def test_certificates_that_cannot_be_read_are_refused_at_once(tmp_path: Path, content: bytes | None) -> None:
    """And not when they are needed."""
    certificates = tmp_path / "ca.pem"
    if content is not None:
        certificates.write_bytes(content)
    sources = tmp_path / "sources.toml"
    sources.write_text(f'[[source]]\nurl = "{URL}"\ncertificates = "{certificates}"\n')
    with pytest.raises(DescriptionRefused, match=f"source 1: .*{certificates}"):
        read_sources(sources)


@pytest.mark.parametrize("host", ["http://files", "files:80", "", "files/logos", "me@files"])
def test_what_is_no_host_is_refused(host: str) -> None:
    """In the file as on the command line."""
    result = CliRunner().invoke(main, ["follow", URL, "--files-from", "10.0.0.7", "--files-from", host])
    assert result.exit_code == 2
    assert f"{host!r} is no host" in result.output


def test_a_file_describes_many_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With passwords in files or in the environment."""
    (tmp_path / "password").write_text("sesame\n")
    monkeypatch.setenv("THEIR_PASSWORD", "open")
    file = tmp_path / "sources.toml"
    file.write_text(
        f'[[source]]\nurl = "{URL}"\nusername = "me"\npassword_file = "{tmp_path / "password"}"\n'
        f'[[source]]\ncontest_id = "wf"\nurl = "{URL}"\nshadow = "other"\nusername = "me"\n'
        'password_env = "THEIR_PASSWORD"\nfiles_from = ["10.0.0.7", "Files.inside"]\n'
    )
    one, other = read_sources(file)
    assert (one.login, other.login) != (None, None)
    assert (one.files_from, other.files_from) == (frozenset(), frozenset({"10.0.0.7", "files.inside"}))
    assert one.login is not None
    assert one.login.password == "sesame"
    assert other.login is not None
    assert other.login.password == "open"
    assert "sesame" not in repr(one)
    assert {one.stream, other.stream} == {"source:wf", "source:wf/other"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[source]]\n", "url"),
        (f'[[source]]\nurl = "{URL}"\npassword = "sesame"\n', "password"),
        (f'[[source]]\nurl = "{URL}"\nusername = "me"\npassword_env = "NOT_SET_AT_ALL"\n', "source 1.*NOT_SET_AT_ALL"),
        (
            f'[[source]]\nurl = "{URL}"\nusername = "me"\npassword_file = "/nowhere/at/all"\n',
            "source 1.*cannot be read",
        ),
        ("[[source", "sources.toml"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_name(tmp_path: Path, text: str, words: str) -> None:
    """And which of its sources is meant."""
    file = tmp_path / "sources.toml"
    file.write_text(text)
    with pytest.raises(DescriptionRefused, match=words):
        read_sources(file)


def test_a_contest_has_one_source_and_any_number_of_second_systems() -> None:
    """Two sources would take turns in undoing each other."""
    with pytest.raises(DescriptionRefused, match="two sources"):
        without_repetition([option_of(f"wf={URL}"), option_of(f"wf={URL}2")])
    assert len(without_repetition([source_options(URL), source_options(URL, shadow="a")])) == 2
    with pytest.raises(click.BadParameter, match="two sources"):
        chosen_sources((f"wf={URL}", f"wf={URL}"), None)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["follow", "http://me:sesame@h/api/contests/x"], "--password-file"),
        (["follow", "http://h/api"], "http://host/api/contests/ID"),
        (["follow", URL, "--username", "me"], "no password"),
        (["follow", URL, "--contest-id", "a/b"], "no id"),
        (["serve", "--source", "http://me:sesame@h/api/contests/x"], "CONTEST_ID="),
        (["serve", "--source", "x=http://me:sesame@h/api/contests/x"], "--password-file"),
    ],
)
def test_the_command_line_refuses_what_is_wrong(arguments: list[str], words: str) -> None:
    """Exit code 2, a reason, and never a password."""
    outcome = CliRunner().invoke(main, arguments)
    assert outcome.exit_code == 2
    assert words in " ".join(outcome.output.split())
    assert "sesame" not in outcome.output
