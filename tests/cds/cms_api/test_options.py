"""The options of the API of CMS, and where the admin token may come from (CMS ContestWebServer API, 4.5 and 4.10)."""

from pathlib import Path
from typing import Unpack

import click
import pytest
from click.testing import CliRunner

from cds.cms_api.settings import CmsSettings
from cds.cms_options import CmsOptions, chosen_cms, cms_options
from cds.serve_command import serve


def settings_of(environment: dict[str, str], *arguments: str) -> CmsSettings | str:
    """The settings that come of an environment and a command line, or what is said of them."""
    found: list[CmsSettings] = []

    @click.command()
    @cms_options
    def command(**options: Unpack[CmsOptions]) -> None:
        found.append(chosen_cms(options))

    outcome = CliRunner().invoke(command, arguments, env=environment)
    return found[0] if found else outcome.output


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """A file that holds a token."""
    file = tmp_path / "token"
    file.write_text("the token of the file\n")
    return file


def test_without_options_nothing_is_at_the_root_and_nobody_acts_for_anybody() -> None:
    for environment in ({}, {"CDS_CMS_CONTEST": "", "CDS_CMS_ADMIN_TOKEN": "", "CDS_CMS_ADMIN_TOKEN_FILE": ""}):
        assert settings_of(environment) == CmsSettings(contest_id=None, admin_token=None)


def test_the_contest_and_the_token_come_from_the_environment() -> None:
    found = settings_of({"CDS_CMS_CONTEST": "wf14", "CDS_CMS_ADMIN_TOKEN": "secret"})
    assert found == CmsSettings(contest_id="wf14", admin_token="secret")
    assert settings_of({}, "--cms-contest", "wf14") == CmsSettings(contest_id="wf14")


def test_a_file_holds_the_token_and_counts_more_than_the_environment(token_file: Path) -> None:
    expected = CmsSettings(admin_token="the token of the file")
    assert settings_of({"CDS_CMS_ADMIN_TOKEN_FILE": str(token_file)}) == expected
    assert settings_of({"CDS_CMS_ADMIN_TOKEN": "other"}, "--cms-admin-token-file", str(token_file)) == expected


def test_an_empty_file_is_no_token(token_file: Path) -> None:
    token_file.write_text("\n")
    assert settings_of({}, "--cms-admin-token-file", str(token_file)) == CmsSettings()


def test_what_cannot_be_read_is_refused_without_a_word_of_it(token_file: Path, tmp_path: Path) -> None:
    token_file.write_bytes(b"\xff\xfe secret")
    for file in (token_file, tmp_path / "missing", tmp_path):
        said = settings_of({}, "--cms-admin-token-file", str(file))
        assert isinstance(said, str)
        assert "secret" not in said
        assert "--cms-admin-token-file" in said


@pytest.mark.parametrize("wrong", ["a b", "..", "-x", "x/y", "sync"])
def test_what_can_be_no_contest_is_refused(wrong: str) -> None:
    said = settings_of({"CDS_CMS_CONTEST": wrong})
    assert isinstance(said, str)
    assert "no id of a contest" in said


def test_no_option_takes_the_token_itself() -> None:
    names = {name for parameter in serve.params for name in parameter.opts}
    assert {name for name in names if "cms" in name} == {"--cms-contest", "--cms-admin-token-file"}
