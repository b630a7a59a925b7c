"""Servers that run a scene, each on a database of its own: one as it is, and others with what differs.

All are made of the same log up to the difference, under the same secrets, clock and ids, so that whatever an outsider
can tell between them comes from what is hidden. This module must not know what is hidden, nor what is asked.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

from cds.application import ENTITY_TAGS_SECRET, REPETITIONS_SECRET
from cds.cms_api.settings import CmsSettings
from cds.commands.decision import ObjectChange
from cds.importing import encoded_events
from cds.live_contest import stream_of
from cds.token_keeping import TOKENS_SECRET
from eventstore.postgres import PostgresStore
from eventstore.store import Append, Credential, ServerAccount
from schemas.viewers import Role
from tests.builders import KEY
from tests.cds.contest_api.live_contest_setup import SetClock
from tests.cds.contest_api.serving import (
    Running,
    cloned_database,
    fill,
    opened,
    quick_hash,
    running,
)
from tests.leaks.scenes import (
    DIFFERS_BEFORE_MS,
    OTHER,
    OWN,
    ROLES_WITH_ACCOUNT,
    THIRD,
    Batch,
    Moment,
    Scene,
    password,
    scene,
)

FILE, OTHER_FILE = b"what every file holds", b"other bytes, and more of them" * 9
STUDENT = {"name": "Ada", "phoneNo": "+44 1", "codeforcesHandle": "ada", "email": "ada@example.org"}
OTHER_STUDENT = STUDENT | {"phoneNo": "+49 30 123456789", "email": "somebody.else@a-longer-name.example"}
"""E-mail and telephone of students are for staff."""

WEBHOOK = {"url": "https://hooks.example/hidden", "token": "a token of sixteen", "active": False}
SECRETS = (TOKENS_SECRET, REPETITIONS_SECRET, ENTITY_TAGS_SECRET)


class Made:
    """A database that holds a scene up to the difference, to be copied."""

    def __init__(self, dsn: str, the_scene: Scene, other_file: str) -> None:
        self.dsn = dsn
        self.scene = the_scene
        self.other_file = other_file


@asynccontextmanager
async def made(template_dsn: str, contest_id: str, moment: Moment) -> AsyncIterator[Made]:
    """A recorded contest at a moment in a database of its own."""
    async with cloned_database(template_dsn) as dsn:
        await fill(dsn, [])
        async with opened(dsn) as store:
            for name in SECRETS:
                await store.secret(name, lambda: KEY)
            address, other = await store.put_file(FILE), await store.put_file(OTHER_FILE)
            the_scene = scene(contest_id, moment, address)
            for number, batch in enumerate(the_scene.before):
                await append(store, the_scene, batch, with_passwords=number == 0)
        yield Made(dsn, the_scene, other)


@asynccontextmanager
async def side(
    template: Made, changes: Sequence[ObjectChange], *, outsider: Role | None = None, **configuration: Any
) -> AsyncIterator[Running]:
    """A server on which these changes have happened between the scene and its end.

    With an `outsider` there is also, beside the contest, what that role must not see: an account of the server, a
    webhook of somebody else, a second system, and what is private of a student.
    """
    the_scene = template.scene
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(cloned_database(template.dsn))
        async with opened(dsn) as store:
            if changes:
                contest_time_ms = the_scene.now_ms - the_scene.start_ms - DIFFERS_BEFORE_MS
                await append(store, the_scene, Batch(list(changes), contest_time_ms))
            for batch in the_scene.behind:
                await append(store, the_scene, batch)
            if outsider is not None:
                hidden = ServerAccount(username="hidden", role="judge", password_hash=quick_hash("hidden"))
                await store.put_server_account(hidden)
            if outsider not in (None, "staff"):
                await append(store, the_scene, the_scene.before[0], stream=f"shadow:{the_scene.contest_id}/second")
        clock = SetClock(the_scene.now_ms)
        cms = CmsSettings(contest_id=the_scene.contest_id)
        server = await stack.enter_async_context(running(dsn, circumstances=clock, cms=cms, **configuration))
        await server.settle(the_scene.contest_id)
        student = STUDENT if outsider is None else OTHER_STUDENT
        answer = await server.of_role("admin").ask("POST", "students", json=student)
        assert answer.status == 201, answer.body
        if outsider is not None:
            answer = await server.of_role("admin").ask("POST", "webhooks", json=WEBHOOK)
            assert answer.status == 201, answer.body
        yield server


async def append(
    store: PostgresStore, the_scene: Scene, batch: Batch, *, with_passwords: bool = False, stream: str = ""
) -> None:
    """Write changes of a scene to the log, beside any server."""
    stream = stream or stream_of(the_scene.contest_id)
    head = await store.head(stream)
    usernames = (OWN, OTHER, THIRD, *ROLES_WITH_ACCOUNT) if with_passwords else ()
    append = Append(
        stream=stream,
        expected_position=head.position,
        events=encoded_events(batch.changes),
        credentials=[
            Credential(scope=stream, account_id=f"account-{name}", password_hash=quick_hash(password(name)))
            for name in usernames
        ],
        actor="test",
        cause="test",
        batch_id=uuid4(),
        recorded_at_us=(the_scene.start_ms + batch.contest_time_ms) * 1_000,
    )
    assert await store.append(append) is not None


LOGIN_OF: Mapping[str, str] = {"team": OWN} | {role: role for role in ROLES_WITH_ACCOUNT}
"""The account of the contest by which a role asks."""
