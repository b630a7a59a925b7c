"""What may differ between two servers without somebody being able to see it: a table of changes and who is outside.

Each row is what roles.md says of some data, put as changes of objects that those roles must not see at that moment.
This module must not know which requests there are.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar, cast

import msgspec

from cds.commands.configuring import RUN_HERE
from cds.commands.decision import ObjectChange
from projections.contest import ContestState
from schemas.object_types import SINGLETON_ID
from schemas.objects import (
    Account,
    Award,
    Clarification,
    Commentary,
    ContestObject,
    Judgement,
    Person,
    Problem,
    Submission,
    Team,
)
from schemas.properties import FileReference
from schemas.records import Audit, AwardSettings, Login, Request, WebhookSettings
from schemas.times import format_relative_time, format_time
from schemas.viewers import Role
from tests.builders import gone, put
from tests.leaks.scenes import FREEZE_MS, MINUTE_MS, SIMPLIFIED, Moment, Scene, film, kept_file, run_of

Instance = TypeVar("Instance", bound=ContestObject)
Changes = Iterable[ObjectChange]

PLAYING = (Moment.FROZEN, Moment.OVER)
EVERY = tuple(Moment)
OUTSIDE: tuple[Role, ...] = ("public", "proxy", "team", "analyst")
"""Behind the freeze; a team as far as it is not its own."""

HIDDEN_ID = "hidden-one"
"""The id of whatever there is on one side alone."""


class Stand(msgspec.Struct, frozen=True):
    """Where a difference is made: the scene, its state, and the address of other bytes than those of its files."""

    scene: Scene
    state: ContestState
    other_file: str

    @property
    def other_team(self) -> str:
        """A team that is not the one that asks."""
        return self.scene.teams[1]

    def of(self, type_name: str, _structure: type[Instance]) -> list[Instance]:
        """All objects of a type."""
        return cast("list[Instance]", list(self.state.objects[type_name].values()))

    def time(self, contest_time_ms: int) -> str:
        """The time of day of a contest time."""
        return format_time(self.scene.start_ms + contest_time_ms)

    def frozen_submissions(self) -> list[Submission]:
        """Those of other teams made in the freeze, or exactly when it began."""
        return [
            each
            for each in self.of("submissions", Submission)
            if self.state.submission_times_ms[each.id] >= FREEZE_MS and each.team_id != self.scene.teams[0]
        ]

    def verdicts(self) -> list[str]:
        """Ids of all judgement types."""
        return list(self.state.objects["judgement-types"])


class Difference(msgspec.Struct, frozen=True):
    """Changes that the roles in `hidden_from` must not be able to tell from nothing, at the moments of `moments`."""

    name: str
    hidden_from: tuple[Role, ...]
    make: Callable[[Stand], Changes]
    moments: tuple[Moment, ...] = PLAYING


def other_verdicts(stand: Stand) -> Iterator[ObjectChange]:
    """Every verdict of the freeze is another one."""
    frozen = {each.id for each in stand.frozen_submissions()}
    verdicts = stand.verdicts()
    for number, judgement in enumerate(stand.of("judgements", Judgement)):
        if judgement.submission_id in frozen and judgement.judgement_type_id is not None:
            others = [each for each in verdicts if each != judgement.judgement_type_id]
            changed = msgspec.structs.replace(
                judgement, judgement_type_id=others[number % len(others)], max_run_time=number / 8
            )
            yield from put(changed, run_of(changed, "run"))


def further_verdicts(stand: Stand) -> Iterator[ObjectChange]:
    """Everything of the freeze is judged once more, with runs, and something is still being judged."""
    for number, submission in enumerate(stand.frozen_submissions()):
        ended = None if number % 5 == 4 else submission.time
        judgement = Judgement(
            id=f"again-{submission.id}"[:36] if number else HIDDEN_ID,
            submission_id=submission.id,
            judgement_type_id=None if ended is None else stand.verdicts()[number % len(stand.verdicts())],
            current=number % 2 == 0,
            start_time=submission.time,
            end_time=ended,
            max_run_time=None if ended is None else 0.125,
        )
        yield from put(judgement)
        if ended is not None:
            yield from put(run_of(judgement, "again" if number else HIDDEN_ID))


def fewer_verdicts(stand: Stand) -> Iterator[ObjectChange]:
    """Some verdicts of the freeze have not been given."""
    frozen = {each.id for each in stand.frozen_submissions()}
    judged = [each for each in stand.of("judgements", Judgement) if each.submission_id in frozen]
    for judgement in judged[::3]:
        if (run_id := f"run-{judgement.id}"[:36]) in stand.state.objects["runs"]:
            yield gone("runs", run_id)
        yield gone("judgements", judgement.id)


def other_awards(stand: Stand) -> Iterator[ObjectChange]:
    """Another winner, an award more, another citation."""
    yield from put(
        Award(id="winner", citation="Winner after all", team_ids=[stand.scene.teams[2]]),
        Award(id=HIDDEN_ID, citation="Only for the freeze", team_ids=list(stand.scene.teams)),
    )


def nobodys_submissions(stand: Stand) -> Iterator[ObjectChange]:
    """What was submitted by no team, before the start and after the end, with verdicts."""
    some = stand.of("submissions", Submission)[0]
    for identifier, team_id, contest_time_ms in (
        (HIDDEN_ID, None, 60 * MINUTE_MS),
        ("before-the-start", stand.other_team, -30 * MINUTE_MS),
        ("after-the-end", stand.other_team, 301 * MINUTE_MS),
    ):
        submission = msgspec.structs.replace(
            some,
            id=identifier,
            team_id=team_id,
            time=stand.time(contest_time_ms),
            contest_time=format_relative_time(contest_time_ms),
        )
        judgement = Judgement(
            id=f"j-{identifier}",
            submission_id=identifier,
            judgement_type_id=stand.verdicts()[0],
            start_time=submission.time,
            end_time=submission.time,
        )
        yield from put(submission, judgement, run_of(judgement, "run"))


def other_questions(stand: Stand) -> Iterator[ObjectChange]:
    """What another team asked, and what it was answered."""
    asked = stand.of("clarifications", Clarification)
    question = next(each for each in asked if each.id == "question-other")
    for each in (
        msgspec.structs.replace(question, text="Another question, and a much longer one than it was"),
        msgspec.structs.replace(question, id=HIDDEN_ID, text="One more"),
        msgspec.structs.replace(
            question, id="answer", from_team_id=None, to_team_ids=[stand.other_team], reply_to_id=HIDDEN_ID
        ),
    ):
        yield from put(each)


def other_commentary(stand: Stand) -> Iterator[ObjectChange]:
    """What is said to those who comment."""
    yield from put(
        Commentary(
            id=HIDDEN_ID,
            time=stand.time(FREEZE_MS),
            contest_time=format_relative_time(FREEZE_MS),
            message="They have it!",
            tags=["verdict"],
            team_ids=[stand.other_team],
            submission_ids=[stand.frozen_submissions()[0].id],
        )
    )
    for each in stand.of("commentary", Commentary)[:5]:
        yield from put(msgspec.structs.replace(each, message=each.message + " And more."))


def other_sources(stand: Stand) -> Iterator[ObjectChange]:
    """What other teams handed in, and under which entry point."""
    for submission in stand.of("submissions", Submission):
        if submission.team_id != stand.scene.teams[0]:
            files = kept_file("other.zip", "application/zip", stand.other_file)
            yield from put(msgspec.structs.replace(submission, files=files, entry_point="Other"))


def other_reactions(stand: Stand) -> Iterator[ObjectChange]:
    """How teams took the verdicts of the freeze."""
    for number, submission in enumerate(stand.frozen_submissions()):
        reaction = None if number % 2 else film("another")
        yield from put(msgspec.structs.replace(submission, reaction=reaction))


def other_people(stand: Stand) -> Iterator[ObjectChange]:
    """What is private of those who are in other teams, and in none."""
    for person in stand.of("persons", Person):
        if all(role.team_id != stand.scene.teams[0] for role in person.roles):
            yield from put(msgspec.structs.replace(person, email="other@example.org", sex="male", icpc_id="987654"))


def _with_other_files(stand: Stand, names: tuple[str, ...], changed: Callable[[str], list[FileReference]]) -> Changes:
    for team in stand.of("teams", Team):
        if team.id != stand.scene.teams[0] and team.backup is not None:
            yield from put(msgspec.structs.replace(team, **{name: changed(name) for name in names}))


def other_films(stand: Stand) -> Changes:
    """Where teams can be watched, in the freeze."""
    return _with_other_files(stand, ("desktop", "webcam"), lambda name: film(f"other-{name}"))


def other_backups(stand: Stand) -> Changes:
    """What was recorded of the machines of teams; of the own team too."""
    mimes = {"backup": "application/zip", "key_log": "text/plain", "tool_data": "text/plain"}
    yield from _with_other_files(
        stand, tuple(mimes), lambda name: kept_file(f"other-{name}", mimes[name], stand.other_file)
    )
    own = next(each for each in stand.of("teams", Team) if each.id == stand.scene.teams[0])
    yield from put(msgspec.structs.replace(own, backup=None, key_log=None))


def other_accounts(stand: Stand) -> Iterator[ObjectChange]:
    """An account more, one with another name and address, and one that may not log in."""
    third = next(each for each in stand.of("accounts", Account) if each.id == "account-third")
    yield from put(
        Account(id=HIDDEN_ID, username="hidden", type="judge", name="Hidden"),
        msgspec.structs.replace(third, name="Another name", ip="10.9.9.9"),
    )
    yield ObjectChange("x-logins", "account-other", Login(disabled=True, generation=3))


def other_packages(stand: Stand) -> Iterator[ObjectChange]:
    """The packages of problems."""
    for problem in stand.of("problems", Problem):
        package = kept_file("other.zip", "application/zip", stand.other_file)
        yield from put(msgspec.structs.replace(problem, package=package))


def other_problems(stand: Stand) -> Iterator[ObjectChange]:
    """Before the start: another set of problems, and an award and a question that speak of one."""
    for problem in stand.of("problems", Problem):
        yield from put(msgspec.structs.replace(problem, name=f"Not {problem.name}", test_data_count=77, statement=None))
    some = stand.of("problems", Problem)[0]
    yield from put(msgspec.structs.replace(some, id=HIDDEN_ID, label="Z9", name="Hidden", ordinal=99))


def other_medals(_stand: Stand) -> Iterator[ObjectChange]:
    """How many places get medals, decided in the freeze."""
    settings = msgspec.structs.replace(RUN_HERE, awards=AwardSettings(computed=True, gold=1, silver=2, bronze=9))
    yield ObjectChange("x-settings", SINGLETON_ID, settings)


def other_settings(stand: Stand) -> Iterator[ObjectChange]:
    """How this server runs the contest."""
    settings = msgspec.structs.replace(stand.state.settings, webhooks=WebhookSettings(deactivate_after="2:00:00.000"))
    yield ObjectChange("x-settings", SINGLETON_ID, settings)


def other_records(stand: Stand) -> Iterator[ObjectChange]:
    """Which requests were answered, and who acted for whom."""
    answered = Request(fingerprint="e" * 32, type="clarifications", id="question-other")
    yield ObjectChange("x-requests", "f" * 32, answered)
    audit = Audit(kind="impersonation", account_id="account-other", by="root", address="10.0.0.7", what="had a look")
    yield ObjectChange("x-audit", "audit-1", audit)


def other_causes(stand: Stand) -> Iterator[ObjectChange]:
    """Verdicts before the freeze that outsiders are told in the same simplified word."""
    alike = [each for each in stand.verdicts() if stand.state.simplified_type_id(each) == SIMPLIFIED]
    for judgement in stand.of("judgements", Judgement):
        submission = cast("Submission", stand.state.objects["submissions"][judgement.submission_id])
        if (
            judgement.judgement_type_id in alike
            and submission.team_id != stand.scene.teams[0]
            and stand.state.submission_times_ms[submission.id] < FREEZE_MS
        ):
            other = alike[(alike.index(judgement.judgement_type_id) + 1) % len(alike)]
            changed = msgspec.structs.replace(judgement, judgement_type_id=other)
            yield from put(changed, run_of(changed, "run"))


DIFFERENCES: tuple[Difference, ...] = (
    Difference("other verdicts", OUTSIDE, other_verdicts),
    Difference("further verdicts", OUTSIDE, further_verdicts),
    Difference("fewer verdicts", OUTSIDE, fewer_verdicts),
    Difference("other awards", OUTSIDE, other_awards),
    Difference("submissions of nobody", OUTSIDE, nobodys_submissions),
    Difference("other questions", ("public", "proxy", "team"), other_questions),
    Difference("other commentary", ("public", "proxy", "team"), other_commentary),
    Difference("other sources", ("public", "proxy", "team"), other_sources),
    Difference("other reactions", OUTSIDE, other_reactions),
    Difference("other causes", ("public", "proxy", "team"), other_causes),
    Difference("other people", ("public", "proxy", "team", "analyst"), other_people, EVERY),
    Difference("other films", ("public", "proxy", "team", "analyst"), other_films),
    Difference("other backups", ("public", "proxy", "team", "judge", "staff"), other_backups, EVERY),
    Difference("other accounts", ("public", "proxy", "team", "analyst", "judge"), other_accounts, EVERY),
    Difference("other packages", OUTSIDE, other_packages, EVERY),
    Difference("other problems", OUTSIDE, other_problems, (Moment.BEFORE,)),
    Difference("other medals", OUTSIDE, other_medals),
    Difference("other settings", ("public", "proxy", "team", "analyst", "judge"), other_settings, EVERY),
    Difference("other records", ("public", "proxy", "team", "analyst", "judge", "staff"), other_records, EVERY),
)


def hidden_changes(stand: Stand, role: Role) -> dict[str, list[ObjectChange]]:
    """Everything that is hidden from a role at the moment of the scene, by the name of the difference.

    Differences build on each other, so each is made of the state that those before it have come to.
    """
    found: dict[str, list[ObjectChange]] = {}
    for difference in DIFFERENCES:
        if role in difference.hidden_from and stand.scene.moment in difference.moments:
            found[difference.name] = list(difference.make(stand))
            for change in found[difference.name]:
                stand.state.apply(stand.state.position + 1, change.type, change.id, change.instance)
    return found
