"""The options about students: what they come to."""

from typing import Unpack

import click
import pytest
from click.testing import CliRunner

from cds.student_options import StudentOptions, chosen_students, student_options
from cds.students.settings import StudentSettings


def chosen(*arguments: str, **environment: str) -> StudentSettings | None:
    """The settings that options come to, None where they are refused."""
    found: list[StudentSettings] = []

    @click.command()
    @student_options
    def command(**options: Unpack[StudentOptions]) -> None:
        found.append(chosen_students(options))

    CliRunner().invoke(command, arguments, env=environment)
    return found[0] if found else None


def test_by_default_no_login_is_asked_for_and_no_address_is_limited() -> None:
    assert chosen() == StudentSettings(cache="process", redis_url=None, sync_requires_login=False, syncs_at_once=0)


def test_a_limit_for_each_address_can_be_set() -> None:
    for settings in (chosen("--student-sync-limit", "20"), chosen(CDS_STUDENT_SYNC_LIMIT="20")):
        assert settings is not None
        assert settings.syncs_at_once == 20


@pytest.mark.parametrize("value", ["-1", "many", "1000001"])
def test_a_limit_that_is_none_is_refused(value: str) -> None:
    assert chosen("--student-sync-limit", value) is None
