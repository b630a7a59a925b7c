"""Which pace counts when: what hides more at once, what shows more when all that was said before is there."""

import pytest

from cds.upstream.pacing import FASTER_S_MAX, ToldPace

ORDINARY, FAST, SLOW = 1_000, 60_000, 500


@pytest.mark.parametrize("is_shown", [False, True])
@pytest.mark.parametrize("level", [False, True])
def test_a_slower_pace_counts_at_once(is_shown: bool, level: bool) -> None:
    """Once for each answer."""
    pace = ToldPace()
    pace.hear(SLOW, 0.0)
    assert pace.news(ORDINARY, is_shown=is_shown, level=level, now_s=0.0) == SLOW
    assert pace.news(SLOW, is_shown=is_shown, level=level, now_s=0.0) is None


def test_a_faster_pace_waits_until_all_has_been_said() -> None:
    """Where something is shown; what has only begun goes on at that pace from its beginning."""
    pace = ToldPace()
    pace.hear(FAST, 0.0)
    assert pace.news(ORDINARY, is_shown=True, level=False, now_s=1.0) is None
    assert pace.news(ORDINARY, is_shown=True, level=True, now_s=1.0) == FAST
    pace.hear(FAST, 2.0)
    assert pace.news(ORDINARY, is_shown=False, level=False, now_s=2.0) == FAST


def test_of_an_upstream_that_is_never_silent_a_faster_pace_is_believed_in_the_end() -> None:
    """However many answers have said it; another one begins the waiting anew."""
    pace = ToldPace()
    for answer in range(3):
        pace.hear(FAST, float(answer))
        assert pace.news(ORDINARY, is_shown=True, level=False, now_s=FASTER_S_MAX - 0.1) is None
    assert pace.news(ORDINARY, is_shown=True, level=False, now_s=FASTER_S_MAX) == FAST
    pace.hear(2 * FAST, FASTER_S_MAX)
    assert pace.news(FAST, is_shown=True, level=False, now_s=FASTER_S_MAX + 1) is None


def test_a_pace_that_is_known_is_no_news() -> None:
    """Nor is anything before the first answer."""
    pace = ToldPace()
    assert pace.news(FAST, is_shown=False, level=True, now_s=0.0) is None
    pace.hear(FAST, 0.0)
    assert pace.news(FAST, is_shown=True, level=True, now_s=0.0) is None
    assert pace.news(ORDINARY, is_shown=True, level=True, now_s=0.0) is None
