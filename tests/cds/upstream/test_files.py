"""Files that an upstream names: fetched once, verified, kept by their address, and told in one more event."""

import asyncio
import hashlib
from io import BytesIO

import msgspec
import pytest
from PIL import Image

from cds.upstream import fetching, file_keeping, source
from cds.upstream.file_keeping import ATTEMPTS_MAX, FETCHES_MAX
from eventstore.memory import MemoryStore
from schemas.objects import Organization, Submission, Team
from tests.cds.dialects.feeds import CONTEST, SUBMISSION, TEAM, TYPICAL, Plain
from tests.cds.upstream.said import ENDED
from tests.cds.upstream.stage import QUICK, Followed, followed, options_for
from tests.cds.upstream.upstream import PATH, Upstream, line, serving

LOGO = f"{PATH}/organizations/o1/logo"
HREF = "contests/up/organizations/o1/logo"


def picture(colour: str = "red") -> bytes:
    """A PNG of 4 by 3 pixels."""
    out = BytesIO()
    Image.new("RGB", (4, 3), colour).save(out, "PNG")
    return out.getvalue()


def md5(content: bytes) -> str:
    """What a source says of a file."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def organization(**reference: object) -> bytes:
    """A line that names a logo."""
    logo: Plain = {"href": HREF, "filename": "logo.png", "mime": "image/png", **reference}
    return line("organizations", {"id": "o1", "name": "O", "formal_name": "O", "logo": [logo]})


def logo_of(following: Followed) -> Organization:
    """The organization as it stands."""
    found = following.contest.state.objects["organizations"]["o1"]
    assert isinstance(found, Organization)
    return found


async def fetched(following: Followed) -> None:
    """Wait until every file is here."""
    await following.until(lambda: len(following.source.following.files) > 0)
    await following.source.settled()


@pytest.mark.parametrize(
    "href",
    [HREF, f"/api/{HREF}", "http://127.0.0.1:{port}/api/" + HREF, f"/{HREF}"],
    ids=["relative", "from the host", "whole", "relative with a slash"],
)
async def test_an_object_comes_at_once_and_its_file_when_it_is_there(memory_store: MemoryStore, href: str) -> None:
    """Then it is told once more, with the reference; the bytes are in our store."""
    upstream = Upstream()
    upstream.files[LOGO] = picture()
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        upstream.say(line("contest", CONTEST), organization(href=href.replace("{port}", str(upstream.port))))
        await following.until_taken(2)
        assert "o1" in following.contest.state.objects["organizations"]
        await fetched(following)
        (logo,) = logo_of(following).logo or []
        assert (logo.filename, logo.mime, logo.width, logo.height) == ("logo.png", "image/png", 4, 3)
        assert logo.hash == md5(picture())
        assert await memory_store.file(hashlib.sha256(picture()).hexdigest()) == picture()
        events = await memory_store.read("contest:c1", 0, 100)
        assert [each.type for each in events] == ["contest", "organizations", "organizations", "state"][: len(events)]
        status = following.source.standing.status()
        assert (status.files.fetched, status.files.pending, status.files.failed) == (1, 0, 0)
        assert not any("logo" in each.property for each in status.warnings.last)


async def test_the_same_file_is_fetched_once(memory_store: MemoryStore) -> None:
    """However often it is named, and by whom; also after a restart."""
    upstream = Upstream([line("contest", CONTEST), organization(hash=md5(picture())), organization()])
    upstream.files[LOGO] = picture()
    async with serving(upstream):
        async with followed(memory_store, options_for(upstream)) as following:
            await fetched(following)
            upstream.say(organization(hash=md5(picture()), tag=["dark"]))
            await following.until(lambda: (logo_of(following).logo or [])[0].tag == ["dark"])
        async with followed(memory_store, options_for(upstream)) as following:
            await following.until(lambda: following.source.standing.state == "following")
    assert upstream.fetched.count(LOGO) == 1


async def test_another_hash_is_another_file(memory_store: MemoryStore) -> None:
    """And is fetched."""
    upstream = Upstream([line("contest", CONTEST), organization(hash=md5(picture()))])
    upstream.files[LOGO] = picture()
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await fetched(following)
        upstream.files[LOGO] = picture("blue")
        upstream.say(organization(hash=md5(picture("blue"))))
        await following.until(lambda: [each.hash for each in logo_of(following).logo or []] == [md5(picture("blue"))])


@pytest.mark.parametrize("validators", [True, False], ids=["with validators", "without"])
async def test_a_file_without_a_hash_is_looked_at_again_when_its_object_is_told_of_again(
    memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch, validators: bool
) -> None:
    """It may be another under the same address; also a follower that has begun anew knows which it was."""
    monkeypatch.setattr(file_keeping, "REVISION_PAUSE_S_MIN", 0.05)
    upstream = Upstream([line("contest", CONTEST), organization()])
    upstream.validators = validators
    upstream.files[LOGO] = picture()
    async with serving(upstream):
        async with followed(memory_store, options_for(upstream)) as following:
            await fetched(following)
            upstream.say(organization(tag=["same"]))
            await following.until(lambda: upstream.fetched.count(LOGO) == 2)
            await following.until(lambda: not following.source.following.lacking_files())
            assert upstream.unchanged == ([LOGO] if validators else [])
            upstream.files[LOGO] = picture("blue")
            upstream.say(organization(tag=["other"]))
            await following.until(
                lambda: [each.hash for each in logo_of(following).logo or []] == [md5(picture("blue"))]
            )
        async with followed(memory_store, options_for(upstream)) as following:
            await following.until(lambda: following.source.standing.state == "following")
            assert not following.source.following.lacking_files()
            upstream.files[LOGO] = picture("green")
            upstream.say(organization(tag=["third"]))
            await following.until(
                lambda: [each.hash for each in logo_of(following).logo or []] == [md5(picture("green"))]
            )
    assert upstream.fetched.count(LOGO) == 4
    assert await memory_store.file(hashlib.sha256(picture("green")).hexdigest()) == picture("green")


async def test_however_often_an_object_is_told_of_its_file_is_looked_at_now_and_then(memory_store: MemoryStore) -> None:
    """But at the end of the updates at once: nothing can be asked for behind it."""
    ended = {**msgspec.json.decode(STATE), "end_of_updates": "2024-01-01T16:00:01.000+01:00"}
    upstream = Upstream([line("contest", CONTEST), organization()])
    upstream.files[LOGO] = picture()
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await fetched(following)
        upstream.files[LOGO] = picture("blue")
        for number in range(20):
            upstream.say(organization(tag=[str(number)]))
            await following.until_taken(3 + number)
        assert upstream.fetched.count(LOGO) == 1
        assert following.source.standing.status().files.pending == 1
        upstream.say(line("state", ended))
        await following.until(following.task.done)
        assert [each.hash for each in logo_of(following).logo or []] == [md5(picture("blue"))]
        assert upstream.fetched.count(LOGO) == 2


async def test_a_file_that_is_gone_when_it_is_looked_at_again_stays(
    memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What we have is better than nothing."""
    monkeypatch.setattr(file_keeping, "REVISION_PAUSE_S_MIN", 0.05)
    upstream = Upstream([line("contest", CONTEST), organization()])
    upstream.files[LOGO] = picture()
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await fetched(following)
        del upstream.files[LOGO]
        upstream.say(organization(tag=["late"]))
        await following.until(lambda: upstream.fetched.count(LOGO) == 1 + ATTEMPTS_MAX)
        await following.until(lambda: not following.source.following.lacking_files())
        assert [each.hash for each in logo_of(following).logo or []] == [md5(picture())]
        assert not following.source.standing.status().files.failed


async def test_a_page_that_says_what_is_wrong_is_no_logo(memory_store: MemoryStore) -> None:
    """Some answer so with 200; without a hash nothing else tells it from the file."""
    upstream = Upstream([line("contest", CONTEST), organization()])
    upstream.files[LOGO] = b"<html><body>Please log in</body></html>"
    upstream.content_type = "text/html"
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until(lambda: bool(following.source.following.files.given_up))
        assert logo_of(following).logo is None
        assert "text/html" in next(iter(following.source.following.files.given_up.values()))


@pytest.mark.parametrize("status", [403, 500])
async def test_a_host_that_gives_no_files_is_left_alone(memory_store: MemoryStore, status: int) -> None:
    """Not asked for each of very many; told in one warning, and asked for all of them once it gives one."""
    count = 300
    files: Plain = {"mime": "application/zip"}
    lines = [line(name, data) for name, data in TYPICAL if name != "submissions"]
    paths = [f"{PATH}/submissions/s{number}/files" for number in range(count)]
    for number, path in enumerate(paths):
        lines.append(line("submissions", {**SUBMISSION, "id": f"s{number}", "files": [{**files, "href": path}]}))
    upstream = Upstream(lines)
    upstream.file_status = status
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(lines))
        begun_s = asyncio.get_running_loop().time()
        await following.until(lambda: asyncio.get_running_loop().time() > begun_s + 1.0)
        lasted_s = asyncio.get_running_loop().time() - begun_s
        assert len(upstream.fetched) <= FETCHES_MAX + 2 + lasted_s / (0.8 * QUICK.pause_s)
        told = [
            each.text for each in following.source.standing.status().warnings.last if "asked more rarely" in each.text
        ]
        assert len(told) == 1
        assert str(status) in told[0]
        upstream.files |= dict.fromkeys(paths, b"PK\x05\x06" + bytes(18))
        await following.until(lambda: len(following.source.following.files) == count)


async def test_what_may_not_be_had_is_no_reason_to_lose_what_may(memory_store: MemoryStore) -> None:
    """Refused submissions of a contest that has ended: each photo is asked for all the same, before all is over."""
    files: Plain = {"mime": "application/zip"}
    lines = [line(name, data) for name, data in TYPICAL if name not in ("submissions", "state")]
    for number in range(60):
        href = f"{PATH}/submissions/s{number}/files"
        lines.append(line("submissions", {**SUBMISSION, "id": f"s{number}", "files": [{**files, "href": href}]}))
    photo, logos = f"{PATH}/teams/t1/photo.png", [f"{PATH}/organizations/o{number}/logo" for number in range(20)]
    for number, href in enumerate(logos):
        logo = {"href": href, "mime": "image/png", "width": 10, "height": 10}
        lines.append(line("organizations", {"id": f"o{number}", "name": f"O{number}", "logo": [logo]}))
    lines.append(line("teams", {**TEAM, "photo": [{"href": photo, "mime": "image/png", "width": 10, "height": 10}]}))
    upstream = Upstream([*lines, ENDED])
    upstream.file_status = 403
    upstream.files |= {photo: picture(), logos[-1]: picture()}
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until(following.task.done)
        assert photo in upstream.fetched
        assert getattr(following.contest.state.objects["teams"]["t1"], "photo", None)
        assert getattr(following.contest.state.objects["organizations"]["o19"], "logo", None)
        reasons = set(following.source.following.files.given_up.values())
        assert all("403" in each for each in reasons), reasons


async def test_a_file_that_is_not_what_is_said_is_not_served(memory_store: MemoryStore) -> None:
    """It is an oddity with the object's name, and asked for again: when it is right, it is there."""
    upstream = Upstream([line("contest", CONTEST), organization(hash=md5(b"other"))])
    upstream.files[LOGO] = picture()
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until(lambda: bool(following.source.following.files.given_up))
        await following.source.settled()
        assert logo_of(following).logo is None
        (warning,) = [each for each in following.source.standing.status().warnings.last if "MD5" in each.text]
        assert (warning.type, warning.id) == ("organizations", "o1")
        assert upstream.fetched.count(LOGO) == ATTEMPTS_MAX
        upstream.files[LOGO] = b"other"
        await following.until(lambda: not following.source.following.files.given_up)


async def test_a_file_that_comes_later_is_told_when_it_comes(memory_store: MemoryStore) -> None:
    """404 at first, which nobody has to live with."""
    upstream = Upstream([line("contest", CONTEST), organization()])
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until(lambda: bool(following.source.following.files.given_up))
        upstream.files[LOGO] = picture()
        await following.until(lambda: bool(logo_of(following).logo))
        assert following.source.standing.status().files.failed == 0


async def test_a_file_that_is_too_large_is_left(memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without holding all of it."""
    monkeypatch.setattr(fetching, "FILE_BYTES_MAX", 10)
    upstream = Upstream([line("contest", CONTEST), organization()])
    upstream.files[LOGO] = picture()
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until(lambda: bool(following.source.following.files.given_up))
        assert "larger" in next(iter(following.source.following.files.given_up.values()))


async def test_credentials_do_not_leave_for_another_host(memory_store: MemoryStore) -> None:
    """A file there is asked for as anybody may."""
    upstream, other = Upstream([line("contest", CONTEST)]), Upstream()
    other.files["/logo.png"] = picture()
    async with serving(upstream), serving(other):
        options = options_for(upstream, username="me", password="sesame")
        async with followed(memory_store, options) as following:
            upstream.say(organization(href=f"http://127.0.0.1:{other.port}/logo.png"))
            await fetched(following)
            assert bool(logo_of(following).logo)
    assert other.logins == [None]
    assert upstream.logins[0] is not None


@pytest.mark.parametrize("way", ["named", "by a redirect"])
async def test_hosts_inside_are_not_asked_unless_they_are_named(memory_store: MemoryStore, way: str) -> None:
    """What a feed names could make us ask whom nobody outside can reach; a redirect could too."""
    upstream, inside = Upstream([line("contest", CONTEST)]), Upstream()
    inside.files["/logo.png"] = picture()
    async with serving(upstream), serving(inside):
        url = f"http://localhost:{inside.port}/logo.png"
        upstream.redirects[LOGO] = url
        upstream.say(organization(href=url if way == "named" else HREF))
        async with followed(memory_store, options_for(upstream)) as following:
            await following.until(lambda: bool(following.source.following.files.given_up))
            (reason,) = following.source.following.files.given_up.values()
            assert "localhost is no public address" in reason
            assert not inside.fetched
        options = msgspec.structs.replace(options_for(upstream), files_from=frozenset({"localhost"}))
        async with followed(memory_store, options) as following:
            await fetched(following)
            assert bool(logo_of(following).logo)
    assert inside.logins == [None]


async def test_a_file_that_an_object_no_longer_names_is_not_put_back(memory_store: MemoryStore) -> None:
    """Nor is an object that is gone."""
    upstream = Upstream([line("contest", CONTEST), organization(), line("organizations", None, identifier="o1")])
    upstream.files[LOGO] = picture()
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(3)
        assert not following.source.following.lacking_files()
        assert not following.contest.state.objects["organizations"]


async def test_sources_and_reactions_are_fetched_and_live_streams_are_links(memory_store: MemoryStore) -> None:
    """What is recorded is served by us; what is live stays where it is."""
    files: Plain = {"href": "contests/up/submissions/s1/files", "mime": "application/zip"}
    reaction: Plain = {"href": "contests/up/submissions/s1/reaction", "mime": "video/mp4", "filename": "reaction.mp4"}
    webcam: Plain = {"href": "http://127.0.0.1:9/webcam.ts", "mime": "video/mp2t", "filename": "webcam.ts"}
    lines = [line(name, data) for name, data in TYPICAL if name != "submissions"]
    lines += [line("submissions", {**SUBMISSION, "files": [files], "reaction": [reaction]})]
    upstream = Upstream([*lines, line("teams", {**TEAM, "webcam": [webcam]})])
    upstream.files[f"{PATH}/submissions/s1/files"] = b"PK\x05\x06" + bytes(18)
    upstream.files[f"{PATH}/submissions/s1/reaction"] = b"a video"
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until(lambda: len(following.source.following.files) == 2)
        await following.source.settled()
        submission, team = (
            following.contest.state.objects[name][each] for name, each in (("submissions", "s1"), ("teams", "t1"))
        )
        assert isinstance(submission, Submission)
        assert isinstance(team, Team)
        assert [each.content is not None for each in submission.files or []] == [True]
        assert [each.content is not None for each in submission.reaction or []] == [True]
        assert [each.href for each in team.webcam or []] == [webcam["href"]]


@pytest.mark.parametrize(
    "href", ["contests/up/teams/t1/webcam", f"{PATH}/teams/t1/webcam", "/contests/up/teams/t1/webcam"]
)
async def test_a_relative_link_to_a_live_stream_is_told_as_a_whole_one(memory_store: MemoryStore, href: str) -> None:
    """It leads to the upstream: relative to our base it would lead nowhere."""
    webcam: Plain = {"href": href, "mime": "video/mp2t", "filename": "webcam.ts"}
    upstream = Upstream([line("contest", CONTEST), line("teams", {**TEAM, "webcam": [webcam]})])
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until(lambda: "t1" in following.contest.state.objects["teams"])
        team = following.contest.state.objects["teams"]["t1"]
        assert isinstance(team, Team)
        assert [each.href for each in team.webcam or []] == [f"{upstream.url}/teams/t1/webcam"]


async def test_the_end_of_the_updates_waits_for_files_but_not_for_ever(
    memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind it nothing could be added."""
    monkeypatch.setattr(source, "END_FILES_S_MAX", 0.5)
    ended = {**msgspec.json.decode(STATE), "end_of_updates": "2024-01-01T16:00:01.000+01:00"}
    upstream = Upstream([line("contest", CONTEST), organization(), line("state", ended)])
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        upstream.file_status = 500
        await following.until(following.task.done)
        assert following.contest.state.ended_updates
        assert following.source.standing.status().files.failed == 1


async def test_what_nobody_has_asked_for_is_waited_for_longer(
    memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be there; given up in the end all the same, for what it is."""
    monkeypatch.setattr(source, "END_FILES_S_MAX", 0.0)
    monkeypatch.setattr(source, "END_UNASKED_S_MAX", 2.5)
    monkeypatch.setattr(file_keeping, "FETCHES_MAX", 0)
    upstream = Upstream([line("contest", CONTEST), organization(), ENDED])
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until(lambda: following.source.following.wants_to_end)
        begun_s = asyncio.get_running_loop().time()
        await following.until(following.task.done)
        assert asyncio.get_running_loop().time() - begun_s > 1.0
        assert set(following.source.following.files.given_up.values()) == {file_keeping.NOT_ASKED}
        assert not upstream.fetched


async def test_the_last_file_comes_before_the_end_of_the_updates(memory_store: MemoryStore) -> None:
    """However late it is told of."""
    ended = {**msgspec.json.decode(STATE), "end_of_updates": "2024-01-01T16:00:01.000+01:00"}
    upstream = Upstream([line("contest", CONTEST), organization(), line("state", ended)])
    upstream.files[LOGO] = picture()
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until(following.task.done)
        assert bool(logo_of(following).logo)
        assert following.contest.state.ended_updates


STATE = b"""{"started":"2024-01-01T10:00:00.000+01:00","ended":"2024-01-01T15:00:00.000+01:00",
"finalized":"2024-01-01T16:00:00.000+01:00"}"""
