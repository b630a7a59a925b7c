"""Judgements and runs, as judging systems write them (requirements 44; JSON Format, "Judgements").

A judgement comes to its verdict once. A rejudgement is another judgement of the same submission: when it becomes the
current one, all others stop being current in the same batch of events. This module must not know the wire.
"""

from typing import cast

import msgspec

from cds.commands.decision import ObjectChange, Refused
from cds.commands.properties import Properties, raw, require, text_of
from cds.commands.write import Around, Write, moment_text
from projections.contest import ContestState
from schemas.objects import ContestObject, Judgement, Problem, Run, Submission
from schemas.times import parse_time_ms


def complete_judgement(state: ContestState, write: Write, properties: Properties) -> Properties:
    """The id, the end of a judgement that has its verdict, and whether it is the one that counts."""
    completed: dict[str, msgspec.Raw] = {}
    if write.method == "POST":
        completed["id"] = raw(write.fresh_id)
    present = cast("Judgement | None", state.objects["judgements"].get(write.identifier))
    judged = None if present is None or present.verdict is None else present
    final = _has_verdict(properties)
    if not final and "end_time" in properties:
        raise Refused("end_time is given without judgement_type_id", "end_time")
    if final and "end_time" not in properties:
        # The same request once more must not come to another end.
        # The clock of a judging host may be ahead of ours.
        ended_ms = max(write.now_ms, _began_ms(properties))
        completed["end_time"] = raw(moment_text(state, ended_ms) if judged is None else judged.end_time)
    if not _says_current(write):
        completed["current"] = raw(_counts(state, write, properties, present))
    return completed


def around_judgement(
    state: ContestState, _write: Write, before: ContestObject | None, after: ContestObject | None
) -> Around:
    """The other judgements of the submission stop being current when this one is."""
    judgement = cast("Judgement | None", after)
    present = cast("Judgement | None", before)
    if judgement is None:
        return Around(after=tuple(_reinstated(state, cast("Judgement", before))))
    if present is not None:
        _refuse_second_verdict(present, judgement)
    if present is None or present.end_time != judgement.end_time:
        _refuse_wrong_times(judgement)
    if judgement.current is False:
        return Around()
    return Around(before=tuple(_others_retired(state, judgement)))


def complete_run(_state: ContestState, write: Write, _properties: Properties) -> Properties:
    """The id."""
    return {"id": raw(write.fresh_id)} if write.method == "POST" else {}


def check_run(state: ContestState, write: Write, before: ContestObject | None, after: ContestObject | None) -> Around:
    """A run is of a test case that there is, one for each, and stands once its judgement has come to its verdict."""
    run = cast("Run | None", after)
    if run is None:
        return Around()
    judgement = cast("Judgement", state.objects["judgements"][run.judgement_id])
    if before is not None and before != after:
        moved = cast("Run", before).judgement_id != run.judgement_id
        if moved or judgement.verdict is not None:
            raise Refused(f"runs {write.identifier} does not change any more", ground="conflict")
    if before != after:
        _check_ordinal(state, judgement, run)
    return Around()


def _check_ordinal(state: ContestState, judgement: Judgement, run: Run) -> None:
    submission = cast("Submission | None", state.objects["submissions"].get(judgement.submission_id))
    problem = cast("Problem | None", state.objects["problems"].get(submission.problem_id)) if submission else None
    # 0 stands for a number of test cases that nobody told.
    highest = problem.test_data_count if problem is not None else 0
    if run.ordinal < 1 or (highest and run.ordinal > highest):
        raise Refused(f"ordinal {run.ordinal} is not one of the test cases 1 to {highest or '…'}", "ordinal")
    for other_id in state.referrers.of_type(("judgements", run.judgement_id), "runs"):
        other = cast("Run", state.objects["runs"][other_id])
        if other.ordinal == run.ordinal and other.id != run.id:
            raise Refused(f"runs {other.id} has the ordinal {run.ordinal} already", "ordinal", ground="conflict")


def _has_verdict(properties: Properties) -> bool:
    return "judgement_type_id" in properties or "simplified_judgement_type_id" in properties


def _says_current(write: Write) -> bool:
    value = write.properties.get("current")
    return value is not None and bytes(value) != b"null"


def _counts(state: ContestState, write: Write, properties: Properties, present: Judgement | None) -> bool | None:
    """Whether a judgement of which the request does not say so is the current one.

    One that comes to its verdict is, unless another that began later has come to its own already. One that has
    begun is, unless the submission has a verdict: that goes on counting. Otherwise it stays as it was.
    """
    comes_to_verdict = _has_verdict(properties) and (present is None or present.verdict is None)
    if present is not None and not comes_to_verdict:
        return present.current
    if not comes_to_verdict:
        return not _judged_otherwise(state, write, properties)
    began_ms = _began_ms(properties)
    return not any(
        other.current is not False and other.verdict is not None and parse_time_ms(other.start_time) > began_ms
        for other in state.judgements_of(text_of(properties, "submission_id") or "")
        if other.id != write.identifier
    )


def _began_ms(properties: Properties) -> int:
    require(properties, ("start_time",))
    try:
        return parse_time_ms(text_of(properties, "start_time") or "")
    except ValueError as error:
        raise Refused(f"start_time is {error}", "start_time") from None


def _reinstated(state: ContestState, gone: Judgement) -> list[ObjectChange]:
    """When the current judgement is deleted, the latest of the verdicts that are left counts again."""
    left = [other for other in state.judgements_of(gone.submission_id) if other.id != gone.id]
    verdicts = [other for other in left if other.verdict is not None]
    if gone.current is False or any(other.current is not False for other in left) or not verdicts:
        return []
    # Of those that began together the one that ended last, then the one that was written last.
    ends_ms = [parse_time_ms(other.end_time or other.start_time) for other in verdicts]
    places = range(len(verdicts))
    latest = verdicts[max(places, key=lambda at: (parse_time_ms(verdicts[at].start_time), ends_ms[at], at))]
    return [ObjectChange("judgements", latest.id, msgspec.structs.replace(latest, current=True))]


def _judged_otherwise(state: ContestState, write: Write, properties: Properties) -> bool:
    """Whether the submission has a verdict that counts: it goes on counting until a rejudgement comes to its own."""
    submission_id = text_of(properties, "submission_id") or ""
    return any(
        other.current is not False and other.verdict is not None and other.id != write.identifier
        for other in state.judgements_of(submission_id)
    )


def _others_retired(state: ContestState, judgement: Judgement) -> list[ObjectChange]:
    return [
        ObjectChange("judgements", other.id, msgspec.structs.replace(other, current=False))
        for other in state.judgements_of(judgement.submission_id)
        if other.id != judgement.id and other.current is not False
    ]


def _refuse_second_verdict(before: Judgement, after: Judgement) -> None:
    """Live data does not change, but for the verdict of a judgement, once, and for which judgement counts."""
    if before.submission_id != after.submission_id or before.start_time != after.start_time:
        raise Refused("a judgement stays with its submission and its start_time", "submission_id", ground="conflict")
    same_but_current = msgspec.structs.replace(before, current=after.current) == after
    if before.verdict is not None and not same_but_current:
        raise Refused(
            f"judgements {before.id} has come to its verdict; a rejudgement is a new judgement", ground="conflict"
        )
    if before.verdict is None and after.verdict is None and not same_but_current:
        raise Refused(f"judgements {before.id} changes once, when it comes to its verdict", ground="conflict")


def _refuse_wrong_times(judgement: Judgement) -> None:
    if judgement.end_time is not None and parse_time_ms(judgement.end_time) < parse_time_ms(judgement.start_time):
        raise Refused("end_time is before start_time", "end_time")
