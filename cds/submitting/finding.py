"""Which API a server has, found by asking it: the Contest API, or that of the Contest Management System.

This module knows where each of them may be below an address. It must not know what is said through them.
"""

from collections.abc import Iterator
from http import HTTPStatus
from urllib.parse import quote

import msgspec

from cds.submitting.asking import Asker
from cds.submitting.cms import CmsDoor
from cds.submitting.contest_api import ContestApiDoor, ListedContest, authorized
from cds.submitting.doors import Door, Login
from cds.submitting.work import NotSubmitted, listed

CONTESTS = "/contests"
API = "/api"


class _CmsSaying(msgspec.Struct, frozen=True):
    """What the API of CMS answers to whoever asks for tasks: who one is not, or the tasks."""

    error: str | None = None
    tasks: list[msgspec.Raw] | None = None

    @property
    def is_one(self) -> bool:
        return self.error is not None or self.tasks is not None


async def found_door(asker: Asker, url: str, contest_id: str | None, login: Login | None) -> Door:
    """The contest at an address: that of a server, of its API, or of the contest itself. Raises NotSubmitted."""
    root, _, in_url = url.rstrip("/").partition(f"{CONTESTS}/")
    wanted = contest_id or in_url.partition("/")[0] or None
    for base in dict.fromkeys((root, root if root.endswith(API) else root + API)):
        contests = await _contests_at(asker, base, login)
        if contests is not None:
            return ContestApiDoor(asker, base, _chosen(contests, wanted), login)
    for base in _cms_bases(root, wanted):
        if await _is_cms(asker, base):
            return CmsDoor(asker, base, login)
    raise NotSubmitted(f"nothing at {url} answers like the Contest API or like the API of CMS")


async def _contests_at(asker: Asker, base: str, login: Login | None) -> list[ListedContest] | None:
    """The contests of a server of the Contest API, None where none is. Raises NotSubmitted for a wrong login."""
    answer = await asker.get(base + CONTESTS, authorized(login), patient=False)
    if answer.status == HTTPStatus.UNAUTHORIZED:
        raise answer.refusal("not logged in")
    return answer.like(list[ListedContest]) if answer.good else None


def _chosen(contests: list[ListedContest], wanted: str | None) -> ListedContest:
    fitting = contests if wanted is None else [each for each in contests if each.id == wanted]
    if len(fitting) == 1:
        return fitting[0]
    names = listed([each.id for each in contests])
    if wanted is not None:
        raise NotSubmitted(f"there is no contest {wanted} (there are {names})")
    raise NotSubmitted(f"say which contest with --contest: {names}" if contests else "the server has no contest")


def _cms_bases(root: str, contest_id: str | None) -> Iterator[str]:
    """Where the API of CMS may be: of a contest, of the contest in a list of several, of a contest of ours."""
    if contest_id is not None:
        segment = quote(contest_id, safe="")
        yield f"{root.removesuffix(API)}/cms/{segment}"
        yield f"{root}/{segment}"
    yield root
    if root.endswith(API):
        yield root.removesuffix(API)


async def _is_cms(asker: Asker, base: str) -> bool:
    answer = await asker.get(f"{base}/api/task_list", {}, patient=False)
    said = answer.like(_CmsSaying)
    return answer.status in (HTTPStatus.OK, HTTPStatus.FORBIDDEN) and said is not None and said.is_one
