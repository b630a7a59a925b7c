"""Installations that share a NATS under different prefixes: no stream of one is a stream of another."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cds.jetstream.subjects import (
    PREFIX_FORM,
    all_subjects,
    contest_of_stream,
    read_subject,
    stream_name,
    subject_of,
)
from tests.cds.jetstream.test_jetstream_options import chosen

PREFIXES = st.one_of(
    st.sampled_from(["cds", "cds_", "cds_test", "c", "test"]), st.from_regex(PREFIX_FORM, fullmatch=True)
)
IDS = st.one_of(
    st.sampled_from(["test-small", "small", "-", "_small", "-small"]), st.text("ab-_=.ä", min_size=1, max_size=8)
)


@given(PREFIXES, IDS, PREFIXES, IDS)
def test_a_stream_is_that_of_one_prefix_and_one_contest(one: str, contest: str, other: str, another: str) -> None:
    assert PREFIX_FORM.fullmatch(one)
    name = stream_name(one, contest)
    assert contest_of_stream(one, name) == contest
    assume((one, contest) != (other, another))
    assert stream_name(other, another) != name
    assert all_subjects(other, another) != all_subjects(one, contest)
    if other != one:
        assert contest_of_stream(other, name) is None
        with pytest.raises(ValueError, match="no subject"):
            read_subject(other, subject_of(one, contest, "public"))


@pytest.mark.parametrize("prefix", ["cds-test", "-", "cds-"])
def test_a_prefix_that_could_be_read_as_another_with_a_contest_is_refused(prefix: str) -> None:
    assert not PREFIX_FORM.fullmatch(prefix)
    told = chosen("--nats", "nats://a", "--nats-prefix", prefix)
    assert isinstance(told, str)
    assert "--nats-prefix" in told
