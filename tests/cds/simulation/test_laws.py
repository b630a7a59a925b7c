"""What holds of every simulated contest: identifiers, references, and the order of what happens."""

import re
from collections import Counter
from collections.abc import Iterator

from msgspec import UNSET

from cds.simulation.contest import SimulatedContest
from cds.simulation.telling import SimulatedChange
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID, object_key, referenced_ids
from schemas.objects import ContestObject, Judgement, Run, State, Submission
from schemas.times import parse_relative_time_ms, parse_time_ms

IDENTIFIER = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,34}[A-Za-z0-9_-])?")

STATIONS = ["started", "frozen", "ended", "finalized", "thawed", "end_of_updates"]
STATIONS_REACHED = {"before": 0, "running": 1, "running-frozen": 2, "ended": 3, "finished-frozen": 4, "finished": 6}
"""How many stations each phase has behind it, in a contest with a freeze."""

Standing = dict[str, dict[str, ContestObject]]


def by_id(contest: SimulatedContest) -> Standing:
    return {
        name: {object_key(OBJECT_TYPES[name], instance): instance for instance in instances}
        for name, instances in contest.objects.items()
    }


def dangling(standing: Standing, type_name: str, instance: ContestObject) -> Iterator[str]:
    for reference in OBJECT_TYPES[type_name].references:
        for identifier in referenced_ids(reference, instance):
            if identifier not in standing[reference.target]:
                yield f"{type_name}.{reference.property} -> {reference.target}/{identifier}"


def folded(contest: SimulatedContest) -> Iterator[tuple[SimulatedChange, Standing]]:
    standing: Standing = {name: {} for name in OBJECT_TYPES}
    for change in contest.timeline():
        if change.instance is None:
            del standing[change.type][change.id]
        else:
            standing[change.type][change.id] = change.instance
        yield change, standing


def submissions_of(contest: SimulatedContest) -> list[Submission]:
    return [instance for instance in contest.objects["submissions"] if isinstance(instance, Submission)]


def judgements_of(contest: SimulatedContest) -> list[Judgement]:
    return [instance for instance in contest.objects["judgements"] if isinstance(instance, Judgement)]


def runs_of(contest: SimulatedContest) -> list[Run]:
    return [instance for instance in contest.objects["runs"] if isinstance(instance, Run)]


def test_every_type_is_there_in_the_order_of_table_one(contest: SimulatedContest) -> None:
    assert list(contest.objects) == list(OBJECT_TYPES)


def test_identifiers_are_valid_and_unique(contest: SimulatedContest) -> None:
    for name, instances in contest.objects.items():
        if not OBJECT_TYPES[name].singleton:
            identifiers = [object_key(OBJECT_TYPES[name], instance) for instance in instances]
            assert len(identifiers) == len(set(identifiers))
            assert [identifier for identifier in identifiers if not IDENTIFIER.fullmatch(identifier)] == []


def test_no_reference_dangles(contest: SimulatedContest) -> None:
    standing = by_id(contest)
    for name, instances in contest.objects.items():
        assert [lost for instance in instances for lost in dangling(standing, name, instance)] == []


def test_every_change_names_only_what_stands(contest: SimulatedContest) -> None:
    for change, standing in folded(contest):
        if change.instance is not None:
            assert list(dangling(standing, change.type, change.instance)) == [], change


def test_the_timeline_folds_to_the_objects(contest: SimulatedContest) -> None:
    standing: Standing = {}
    for _, now in folded(contest):
        standing = now
    assert standing == by_id(contest)


def test_no_property_that_must_be_written_is_left_open(contest: SimulatedContest) -> None:
    for change in contest.timeline():
        row = OBJECT_TYPES[change.type]
        assert not [name for name in row.properties if getattr(change.instance, name) is UNSET]


def test_moments_ascend_and_agree_with_the_objects(contest: SimulatedContest) -> None:
    start_ms = parse_time_ms(contest.parameters.start_time)
    last_ms = None
    for change in contest.timeline():
        assert last_ms is None or change.moment_ms >= last_ms
        last_ms = change.moment_ms
        if isinstance(change.instance, Submission | Run):
            assert parse_time_ms(change.instance.time) == start_ms + change.moment_ms
        if isinstance(change.instance, Submission):
            assert parse_relative_time_ms(change.instance.contest_time) == change.moment_ms


def test_configuration_and_awards_stand_before_the_start(contest: SimulatedContest) -> None:
    for change in contest.timeline():
        first_award = change.type == "awards" and change.moment_ms < 0
        assert (change.moment_ms < 0) == (
            OBJECT_TYPES[change.type].kind == "configuration"
            or first_award
            or (isinstance(change.instance, State) and change.instance.started is None)
        )


def test_every_change_changes_something(contest: SimulatedContest) -> None:
    last: dict[tuple[str, str], ContestObject | None] = {}
    for change in contest.timeline():
        key = (change.type, change.id)
        assert last.get(key) != change.instance, change
        last[key] = change.instance


def test_state_passes_its_stations_in_order(contest: SimulatedContest) -> None:
    reached: list[str] = []
    for change in contest.timeline():
        if isinstance(change.instance, State):
            assert change.id == SINGLETON_ID
            set_now = [p for p in STATIONS if getattr(change.instance, p) is not None]
            assert set(reached) <= set(set_now)
            reached += [station for station in set_now if station not in reached]
    stations = [s for s in STATIONS if contest.parameters.freeze_s or s not in ("frozen", "thawed")]
    assert reached == stations[: STATIONS_REACHED[contest.parameters.phase]]


def test_end_of_updates_is_the_last_change_of_a_finished_contest(contest: SimulatedContest) -> None:
    *_, last = contest.timeline()
    closed = isinstance(last.instance, State) and last.instance.end_of_updates is not None
    assert closed == (contest.parameters.phase == "finished")


def test_a_judgement_goes_from_pending_over_its_runs_to_its_verdict(contest: SimulatedContest) -> None:
    seen: dict[str, str] = {}
    for change in contest.timeline():
        if isinstance(change.instance, Judgement):
            before = seen.get(change.id)
            verdict = change.instance.judgement_type_id
            if before is None:
                assert verdict is None
                assert change.instance.end_time is None
            elif before == "decided":
                assert change.instance.current is False
            seen[change.id] = "decided" if verdict else "pending"
        elif isinstance(change.instance, Run):
            assert seen[change.instance.judgement_id] == "pending"


def test_never_do_two_judgements_count_for_one_submission(contest: SimulatedContest) -> None:
    counting: dict[str, set[str]] = {}
    for change in contest.timeline():
        if isinstance(change.instance, Judgement):
            of_submission = counting.setdefault(change.instance.submission_id, set())
            of_submission.discard(change.id)
            if change.instance.current is not False:
                of_submission.add(change.id)
            assert len(of_submission) <= 1


def test_numbers_ascend_with_time(contest: SimulatedContest) -> None:
    submissions = submissions_of(contest)
    assert [int(s.id) for s in submissions] == list(range(1, len(submissions) + 1))
    moments = [parse_relative_time_ms(s.contest_time) for s in submissions]
    assert moments == sorted(moments)
    assert all(0 <= moment < contest.parameters.duration_ms for moment in moments)
    starts = [parse_time_ms(j.start_time) for j in judgements_of(contest)]
    assert starts == sorted(starts)


def test_runs_are_numbered_within_their_problem(contest: SimulatedContest) -> None:
    tests = {p.id: p.test_data_count for p in (row.problem for row in contest.world.problems)}
    submissions = {s.id: s for s in submissions_of(contest)}
    judgements = {j.id: j for j in judgements_of(contest)}
    ordinals: dict[str, list[int]] = {}
    for run in runs_of(contest):
        ordinals.setdefault(run.judgement_id, []).append(run.ordinal)
        judgement = judgements[run.judgement_id]
        assert run.run_time is not None
        if judgement.end_time is not None:
            assert judgement.start_time < run.time < judgement.end_time
            assert judgement.max_run_time is not None
            assert run.run_time <= judgement.max_run_time
    for judgement_id, of_judgement in ordinals.items():
        problem_id = submissions[judgements[judgement_id].submission_id].problem_id
        assert of_judgement == list(range(1, len(of_judgement) + 1))
        assert len(of_judgement) <= tests[problem_id]


def test_the_verdict_is_that_of_the_first_failing_run(contest: SimulatedContest) -> None:
    failing: dict[str, str] = {}
    points: Counter[str] = Counter()
    for run in runs_of(contest):
        points[run.judgement_id] += int(run.score or 0)
        if run.judgement_type_id != "AC":
            failing.setdefault(run.judgement_id, run.judgement_type_id)
    with_runs = {run.judgement_id for run in runs_of(contest)}
    for judgement in judgements_of(contest):
        if judgement.judgement_type_id is not None and judgement.id in with_runs:
            assert judgement.judgement_type_id == failing.get(judgement.id, "AC")
            assert judgement.score is None or judgement.score == points[judgement.id]


def test_runs_are_a_sequence(contest: SimulatedContest) -> None:
    runs = contest.objects["runs"]
    listed = list(runs)
    assert len(runs) == len(listed)
    assert [runs[at] for at in range(0, len(listed), 97)] == listed[::97]
    assert list(runs[-3:]) == listed[-3:]


def test_phases_end_where_they_should(contest: SimulatedContest) -> None:
    frozen_ms = contest.parameters.freeze_start_ms
    phase = contest.parameters.phase
    moments = [parse_relative_time_ms(s.contest_time) for s in submissions_of(contest)]
    if phase == "before":
        assert not moments
    if phase == "running" and frozen_ms is not None:
        assert max(moments) < frozen_ms
    if phase == "running-frozen" and frozen_ms is not None:
        assert frozen_ms < max(moments) < contest.parameters.duration_ms
    undecided = [j for j in judgements_of(contest) if j.judgement_type_id is None]
    if phase.startswith("finished"):
        assert not undecided
        assert {j.judgement_type_id for j in judgements_of(contest) if j.current is not False}.isdisjoint({"JE"})
