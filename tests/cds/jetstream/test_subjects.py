"""Ids as tokens of subjects: every id has one spelling, and no two have the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.jetstream.subjects import (
    Subject,
    contest_of_stream,
    read_spelled,
    read_subject,
    spelled,
    stream_name,
    subject_of,
)

IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=36)


@given(IDS, IDS)
def test_subjects_and_streams_are_read_as_they_were_spelled(contest_id: str, team_id: str) -> None:
    assert read_spelled(spelled(contest_id)) == contest_id
    assert contest_of_stream("cds", stream_name("cds", contest_id)) == contest_id
    assert set(spelled(contest_id)).isdisjoint(" .*>/\\\t\n")
    for team in (None, team_id):
        subject = subject_of("cds", contest_id, "team", team)
        assert read_subject("cds", subject) == Subject(contest_id, "team", team)


@pytest.mark.parametrize("token", ["", "a.b", "a b", "=4", "=zz", "=41", "ä", "=FF"])
def test_what_no_id_is_spelled_as_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_spelled(token)


@pytest.mark.parametrize("subject", ["cds", "cds.a", "other.a.public", "cds.a.team.b.c"])
def test_what_is_no_subject_is_refused(subject: str) -> None:
    with pytest.raises(ValueError, match="no subject"):
        read_subject("cds", subject)


def test_streams_of_others_are_none_of_ours() -> None:
    assert contest_of_stream("cds", "other-a") is None
    assert contest_of_stream("cds", "cds-a.b") is None
