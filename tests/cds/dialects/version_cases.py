"""Objects of every type, and what differs in them in each version that is served, from the text of the versions.

This module must not know how anything is translated.
"""

from typing import Any

import msgspec

from schemas.extensions import (
    AccountExtension,
    CmsParticipation,
    CmsSubmission,
    CmsTask,
    ContestExtension,
    ProblemExtension,
    SubmissionExtension,
    SyncedContest,
    SyncedTeam,
    TeamExtension,
)
from schemas.objects import (
    Account,
    Award,
    Commentary,
    Contest,
    ContestObject,
    Group,
    Judgement,
    JudgementType,
    Language,
    Organization,
    Person,
    PersonRole,
    Problem,
    RemovedInterval,
    Team,
)
from schemas.properties import Command, FileReference, Location, TeamLocation
from tests.builders import START, clarification, judgement, moment, run, state, submission

Json = dict[str, Any]

LOGO = [FileReference(filename="logo.png", mime="image/png", width=64, height=64, tag=["light"], href="contests/x")]
LOGO_TOLD = {"href": "contests/x", "filename": "logo.png", "mime": "image/png", "width": 64, "height": 64}
TEAM_FILES = ("photo", "video", "backup", "key_log", "tool_data", "desktop", "webcam", "audio")
TAGGED = [LOGO_TOLD | {"tag": ["light"]}]

LEFT_OUT: Json = {}
"""Stands for an object that a version leaves out."""

CASES: list[tuple[ContestObject, Json, Json]] = [
    (
        Contest(
            id="finals",
            name="Finals",
            formal_name="The Finals",
            start_time=START,
            duration="5:00:00.000",
            scoreboard_freeze_duration="1:00:00.000",
            scoreboard_thaw_time=moment("6:00:00.000"),
            scoreboard_type="pass-fail",
            main_scoreboard_group_id="main",
            penalty_time="0:20:00.000",
            banner=LOGO,
            logo=LOGO,
            location=Location(latitude=1, longitude=2),
            ext=ContestExtension(sync=SyncedContest(platform="atcoder", platform_id="abc901")),
        ),
        {"main_scoreboard_group_id": "main", "penalty_time": "0:20:00.000", "banner": TAGGED, "ext": None},
        {"main_scoreboard_group_id": None, "penalty_time": 20, "banner": [LOGO_TOLD], "logo": [LOGO_TOLD], "ext": None},
    ),
    (
        Contest(id="finals", name="Finals", duration="5:00:00.000", scoreboard_type="score"),
        {"penalty_time": None},
        {"penalty_time": 0},
    ),
    (
        Contest(
            id="finals",
            name="Finals",
            countdown_pause_time="0:10:00.000",
            duration="5:00:00.000",
            scoreboard_type="pass-fail",
            penalty_time="0:19:59.999",
        ),
        {"penalty_time": "0:19:59.999", "countdown_pause_time": "0:10:00.000"},
        {"penalty_time": 19, "countdown_pause_time": "0:10:00.000"},
    ),
    (
        JudgementType(id="WA", name="wrong", penalty=True, solved=False, simplified_judgement_type_id="NO"),
        {"simplified_judgement_type_id": "NO"},
        {"simplified_judgement_type_id": None},
    ),
    (
        Language(
            id="java",
            name="Java",
            entry_point_required=True,
            entry_point_name="Main class",
            extensions=["java"],
            compiler=Command(command="javac", args="{files}", version="17", version_command="javac -version"),
            runner=Command(command="java"),
        ),
        {},
        {},
    ),
    (
        Problem(
            id="a",
            uuid="0b9d4a5e-3c2f-4f0a-9d3e-000000000000",
            label="A",
            name="Apples",
            ordinal=0,
            rgb="#ff0000",
            color="red",
            time_limit=2.5,
            memory_limit=1024,
            output_limit=8,
            code_limit=128,
            test_data_count=3,
            max_score=100,
            package=LOGO,
            statement=LOGO,
            attachments=LOGO,
            ext=ProblemExtension(cms=CmsTask(submission_format=["a.%l"])),
        ),
        {"memory_limit": 1024, "attachments": TAGGED, "package": TAGGED, "ext": None},
        {
            "ext": None,
            "memory_limit": None,
            "output_limit": None,
            "code_limit": None,
            "attachments": None,
            "package": [LOGO_TOLD],
            "statement": [LOGO_TOLD],
        },
    ),
    (Group(id="main", icpc_id="1", name="Main", type="site", location=Location(latitude=1, longitude=2)), {}, {}),
    (
        Organization(
            id="uni",
            icpc_id="1",
            name="University",
            formal_name="The University",
            country="USA",
            country_flag=LOGO,
            country_subdivision="US-PA",
            country_subdivision_flag=LOGO,
            url="https://example.org",
            twitter_hashtag="#uni",
            twitter_account="@uni",
            location=Location(latitude=1, longitude=2),
            logo=LOGO,
        ),
        {"country_subdivision": "US-PA", "country_subdivision_flag": TAGGED},
        {
            "country_subdivision": None,
            "country_subdivision_flag": None,
            "country_flag": [LOGO_TOLD],
            "logo": [LOGO_TOLD],
        },
    ),
    (
        Team(
            id="t1",
            icpc_id="1",
            name="Team",
            label="1",
            display_name="The Team",
            organization_id="uni",
            group_ids=["main", "guests"],
            location=TeamLocation(x=1, y=2, rotation=90),
            photo=LOGO,
            video=LOGO,
            backup=LOGO,
            key_log=LOGO,
            tool_data=LOGO,
            desktop=LOGO,
            webcam=LOGO,
            audio=LOGO,
            primary_rgb="#fff",
            primary_color="white",
            secondary_rgb="#000",
            secondary_color="black",
            ext=TeamExtension(sync=SyncedTeam(rank=1)),
        ),
        dict.fromkeys(("primary_rgb", "primary_color", "secondary_rgb", "secondary_color", "ext")),
        dict.fromkeys(("primary_rgb", "primary_color", "secondary_rgb", "secondary_color", "ext"))
        | {name: [LOGO_TOLD] for name in TEAM_FILES}
        | {"hidden": False},
    ),
    (Team(id="t1", name="Guest", label="1", group_ids=["guests"]), {}, {"hidden": True}),
    (Team(id="t1", name="Alone", label="1"), {}, {"hidden": True}),
    (
        Person(
            id="ada",
            icpc_id="1",
            name="Ada",
            email="ada@example.org",
            sex="female",
            roles=[
                PersonRole(type="coach", team_id="t2"),
                PersonRole(type="staff", title="Director"),
                PersonRole(type="coach", title="Co-Coach", team_id="t1"),
            ],
            photo=LOGO,
        ),
        {"roles": None, "role": "coach", "title": "Co-Coach", "team_ids": ["t2", "t1"]},
        {"roles": None, "role": "coach", "title": "Co-Coach", "team_ids": ["t2", "t1"], "photo": [LOGO_TOLD]},
    ),
    (
        Person(id="bill", name="Bill", roles=[PersonRole(type="staff", title="Director")]),
        {"roles": None, "role": "staff", "title": "Director"},
        {"roles": None, "role": "staff", "title": "Director"},
    ),
    (
        Account(
            id="a1",
            username="team1",
            name="One",
            type="team",
            ip="10.0.0.1",
            team_id="t1",
            person_id="p1",
            ext=AccountExtension(cms=CmsParticipation(extra_time=300)),
        ),
        {"ext": None},
        {"ext": None},
    ),
    (
        state(started=START, frozen=moment("4:00:00.000")),
        {},
        {},
    ),
    (
        msgspec.structs.replace(
            state(started=START),
            removed_intervals=[RemovedInterval(start=moment("1:00:00.000"), end=None, contest_time="1:00:00.000")],
        ),
        {"removed_intervals": None},
        {"removed_intervals": None},
    ),
    (
        msgspec.structs.replace(
            submission("s1", "t1", "a", "0:30:00.000"),
            files=LOGO,
            reaction=LOGO,
            ext=SubmissionExtension(cms=CmsSubmission(official=True)),
        ),
        {"account_id": "account-t1", "files": TAGGED, "ext": None},
        {"account_id": None, "files": [LOGO_TOLD], "reaction": [LOGO_TOLD], "ext": None},
    ),
    (msgspec.structs.replace(submission("s1", None, "a", "0:30:00.000"), files=LOGO, reaction=None), {}, LEFT_OUT),
    (
        judgement("j1", "s1", None, "0:30:01.250"),
        {"start_contest_time": "0:30:01.250"},
        {"start_contest_time": "0:30:01.250", "current": None},
    ),
    (
        Judgement(
            id="j1",
            submission_id="s1",
            judgement_type_id="WA",
            simplified_judgement_type_id="NO",
            score=12.5,
            start_time=moment("-0:00:01.000"),
            end_time=moment("0:00:10.000"),
            max_run_time=0.25,
        ),
        {"start_contest_time": "-0:00:01.000", "end_contest_time": "0:00:10.000"},
        {
            "start_contest_time": "-0:00:01.000",
            "end_contest_time": "0:00:10.000",
            "simplified_judgement_type_id": None,
        },
    ),
    (
        Judgement(
            id="j1",
            submission_id="s1",
            simplified_judgement_type_id="NO",
            start_time=moment("0:30:00.000"),
            end_time=moment("0:30:10.000"),
        ),
        {"start_contest_time": "0:30:00.000", "end_contest_time": "0:30:10.000"},
        {
            "start_contest_time": "0:30:00.000",
            "end_contest_time": "0:30:10.000",
            "judgement_type_id": "NO",
            "simplified_judgement_type_id": None,
        },
    ),
    (
        msgspec.structs.replace(judgement("j1", "s1", "AC", "0:30:00.000"), current=False),
        {"start_contest_time": "0:30:00.000", "end_contest_time": "0:30:10.000"},
        LEFT_OUT,
    ),
    (
        judgement("j1", "s4", "AC", "0:30:00.000"),
        {"start_contest_time": "0:30:00.000", "end_contest_time": "0:30:10.000"},
        LEFT_OUT,
    ),
    (
        msgspec.structs.replace(run("r9", "j1", 1, "AC", "0:30:02.000"), score=1),
        {"contest_time": "0:30:02.000", "score": None},
        {"contest_time": "0:30:02.000", "score": None},
    ),
    (clarification("announcement", problem_id="a"), {}, {}),
    (clarification("question", from_team="t1"), {}, {}),
    (
        clarification("reply", to_teams=["t2"], reply_to="question"),
        {},
        {"to_team_ids": None, "to_team_id": "t2"},
    ),
    (
        clarification("wide", to_teams=["t2"], to_groups=["main"]),
        {},
        {"to_team_ids": None, "to_group_ids": None, "to_team_id": "t1"},
    ),
    (clarification("to-nobody", to_groups=["empty"]), {}, LEFT_OUT),
    (
        clarification("about-nothing", to_teams=["t2"], reply_to="lost"),
        {},
        {"to_team_ids": None, "to_team_id": "t2", "reply_to_id": None},
    ),
    (Award(id="winner", citation="Winner", team_ids=[]), {}, {}),
    (
        Commentary(
            id="k1",
            time=moment("2:00:00.000"),
            contest_time="2:00:00.000",
            message="{t:t1} solved {p:a}",
            tags=["submission"],
            source_id="p3",
            team_ids=["t1"],
            problem_ids=["a"],
            submission_ids=["s1"],
        ),
        {},
        LEFT_OUT,
    ),
]
"""An object as a viewer sees it, and what differs in the two versions (None: the property is not there)."""
