"""Targets that read what comes with requests, and what other servers answer: bodies, forms, tokens, queries."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from http import HTTPStatus
from itertools import count
from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec

from cds.addresses import client_of
from cds.bearer_tokens import KEY_BYTES, BearerRefused, BearerTokens
from cds.cms_api.forms import form_in_parts, urlencoded_form
from cds.cms_api.tokens import CmsTokens
from cds.cms_api.tokens import TokenRefused as CmsTokenRefused
from cds.commands.contest_settings import SettingsPatch, decide_settings
from cds.commands.contest_state import StatePatch, decide_state
from cds.commands.decision import Refused
from cds.commands.permissions import OFFERED, PERMISSIONS, Method
from cds.commands.user_names import (
    folded_email,
    folded_username,
    is_display_name,
    is_email,
    is_password,
    is_username,
)
from cds.commands.webhooks import read_registering
from cds.commands.write import Write
from cds.commands.writing import decide_write
from cds.contest_api.bodies import parse_object
from cds.contest_api.errors import Failure
from cds.contest_api.multipart import boundary_of, parse_form, zipped
from cds.loc_api.asking import Sent, arguments_of, token_in
from cds.loc_api.table import ROWS
from cds.loc_api.unfit_values import parts_of
from cds.mailing import Mail, message_of
from cds.platforms.adapters import atcoder, codechef, codeforces, leetcode
from cds.platforms.questions import Asking, PlatformFailed, Reply
from cds.signed_heads import HeadRefused, check_signature, read_head, read_key
from cds.uploads import UploadedFile, uploaded
from projections.contest import ContestState
from projections.filtering import candidates, filters_of
from projections.past_moments import AskedContestTime, asked_moment, latest_moment_ms
from projections.tokens import TokenMaker, TokenRefused, block
from schemas.object_types import OBJECT_TYPES
from schemas.times import canonical_relative_time, canonical_time
from schemas.viewers import ROLES, Viewer
from tests.builders import KEY, small_contest
from tests.command_stage import ACCOUNTS
from tests.fuzz.request_seeds import (
    ATCODER_PAGE,
    BODIES,
    FORMS,
    NOW_MS,
    NOW_S,
    PLATFORM_ANSWERS,
    VIEW,
    WORDS,
    feed_tokens,
    forged_tokens,
)
from tests.fuzz.target import Target

T = TypeVar("T")

BOUNDARY = b"limit"
REPLIES_MAX = 20
"""So many questions a conversation with a platform is answered before it is left."""


@cache
def contest() -> ContestState:
    """A contest with objects of every type. Decisions leave it as it is."""
    state = ContestState()
    for change in (*small_contest(), *ACCOUNTS):
        state.apply(state.position + 1, change.type, change.id, change.instance)
    return state


def check_sentence(reason: str) -> None:
    """Whoever is refused is told so in one line."""
    assert reason
    assert "\n" not in reason


def check_status(failure: Failure) -> None:
    """It is the request that is wrong."""
    assert failure.status == HTTPStatus.BAD_REQUEST
    check_sentence(failure.message)


def feed_token(data: bytes) -> object:
    """A token of a feed, as one resumes from it or asks for a moment by it. None that was not handed out is taken."""
    maker = TokenMaker(KEY)
    text = data.decode("utf-8", "surrogateescape")
    place = maker.read(text, VIEW, 0)
    made = maker.places(block(place.position, place.index, place.chain_bits))[0] + data[-12:]
    assert made == data, "a token has two spellings"
    return place


def bearer_token(data: bytes) -> object:
    """A token that its bearer has made up."""
    return BearerTokens(bytes(KEY_BYTES)).claims(data.decode("utf-8", "surrogateescape"), now_s=NOW_S)


def cms_token(data: bytes) -> object:
    """A token of the ContestWebServer API."""
    return CmsTokens(bytes(KEY_BYTES)).claims(data.decode("utf-8", "surrogateescape"), "finals", now_s=NOW_S)


def moment(data: bytes) -> object:
    """What stands behind `at=`, and times wherever they are written."""
    text = data.decode("utf-8", "surrogateescape")
    for canonical in (canonical_time, canonical_relative_time):
        try:
            once = canonical(text)
        except ValueError:
            continue
        assert canonical(once) == once
    asked = asked_moment(text)
    if isinstance(asked, AskedContestTime):
        latest_moment_ms(contest().timeline, asked.contest_time_ms)
    return asked


def query(data: bytes) -> object:
    """A query, as filters of every collection for every role."""
    parameters = parse_qsl(data.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=64)
    for role in ROLES:
        for row in OBJECT_TYPES.values():
            list(candidates(contest(), row, filters_of(role, row, parameters)))
    return None


def json_body(data: bytes) -> object:
    """A JSON object; whoever reads its text must come to the same."""
    properties = parse_object(data)
    assert json.loads(data) == {name: json.loads(bytes(value)) for name, value in properties.items()}
    return properties


def written_object(data: bytes) -> object:
    """A body that is to become, or to change, an object of every type, by everybody who may."""
    properties = parse_object(data)
    numbers = count(1)
    for role in ("admin", "judge", "team", "proxy", "analyst"):
        viewer = Viewer(role=role, team_id="t1" if role == "team" else None, account_id=f"account-{role}")
        for row in OBJECT_TYPES.values():
            for method in sorted(OFFERED[row.name] & PERMISSIONS[viewer.role][row.name]):
                _decide(row.name, method, properties, viewer, f"fresh-{next(numbers)}")
    for decide in (_state, _settings, read_registering):
        _refused(decide, properties)
    return None


def _decide(type_name: str, method: Method, properties: Mapping[str, msgspec.Raw], viewer: Viewer, fresh: str) -> None:
    row = OBJECT_TYPES[type_name]
    known = next(iter(contest().objects[type_name]), "nothing")
    write = Write(
        row=row,
        method=method,
        identifier="" if method == "POST" else "finals" if row.singleton else known,
        properties=properties,
        viewer=viewer,
        now_ms=NOW_MS,
        fresh_id=fresh,
    )
    _refused(lambda _: decide_write(contest(), write), properties)


def _state(properties: Mapping[str, msgspec.Raw]) -> object:
    patch = _converted(properties, StatePatch)
    return None if patch is None else decide_state(contest(), patch, NOW_MS)


def _settings(properties: Mapping[str, msgspec.Raw]) -> object:
    patch = _converted(properties, SettingsPatch)
    return None if patch is None else decide_settings(contest(), patch)


def _converted(properties: Mapping[str, msgspec.Raw], structure: type[T]) -> T | None:
    try:
        return msgspec.json.decode(msgspec.json.encode(properties), type=structure)
    except msgspec.ValidationError:
        return None


def _refused(decide: Callable[[Mapping[str, msgspec.Raw]], object], properties: Mapping[str, msgspec.Raw]) -> None:
    try:
        decide(properties)
    except Refused as refused:
        check_sentence(refused.reason)


def form(data: bytes) -> object:
    """A form in parts, by both readers: of plain source files, and of files for CMS."""
    found = None
    try:
        found = parse_form(data, BOUNDARY)
    except Failure as failure:
        check_status(failure)
    if found is not None:
        zipped(found[1])
    return form_in_parts(data, BOUNDARY)


def uploads(data: bytes) -> object:
    """References to files, with their bytes in base64."""
    files = msgspec.json.decode(data, type=list[UploadedFile])
    for row in OBJECT_TYPES.values():
        for file_property in row.file_properties:
            try:
                uploaded(file_property, files, {})
            except Refused as refused:
                check_sentence(refused.reason)
    return None


def arguments(data: bytes) -> object:
    """A body as every endpoint of the League of Code API takes it."""
    parts = parts_of(data)
    sent = Sent(parts.fit, {}, parts.unfit)
    token_in(sent, None)
    for row in ROWS:
        try:
            arguments_of(sent, row)
        except Failure as failure:
            check_status(failure)
    return None


def person(data: bytes) -> object:
    """A user name, a mail address, a password: whatever is taken can be folded, and written to."""
    text = data.decode("utf-8", "replace")
    is_display_name(text)
    is_password(text, "ada", "ada@example.org")
    if is_username(text):
        assert folded_username(folded_username(text)) == folded_username(text)
    if is_email(text):
        folded = folded_email(text)
        assert folded_email(folded) == folded
        message = message_of(Mail(to=text, subject="Hello", text="Text"), "cds@localhost").as_bytes()
        assert message.count(b"\nTo:") + message.startswith(b"To:") == 1
        assert b"\nBcc:" not in message
    return None


def head(data: bytes) -> object:
    """A signed head that somebody has typed."""
    text = data.decode("utf-8", "replace")
    try:
        read_key(text)
    except HeadRefused as refused:
        check_sentence(str(refused))
    check_signature(read_head(text))
    return None


def forwarded(data: bytes) -> object:
    """What proxies say of who asks, and what stands between the parts of a form."""
    text = data.decode("latin-1")
    client_of("127.0.0.1", [text], ())
    return boundary_of(text)


def platform(data: bytes) -> object:
    """What a platform answers, to every question of a conversation alike."""
    conversations: tuple[Callable[[], Asking[object]], ...] = (
        lambda: codeforces.contests(NOW_MS),
        lambda: leetcode.contests(NOW_MS),
        lambda: codechef.contests(NOW_MS),
        lambda: atcoder.contests(NOW_MS),
        lambda: codeforces.user_info("tourist"),
        lambda: codeforces.user_rating("tourist"),
        lambda: codeforces.user_status("tourist"),
    )
    reply = Reply(status=200, headers={"content-type": "application/json"}, body=data)
    for begin in conversations:
        conversation = begin()
        try:
            question = next(conversation)
            for _ in range(REPLIES_MAX):
                question.check(reply)
                question = conversation.send(reply)
        except (PlatformFailed, StopIteration):
            continue
        finally:
            conversation.close()
    return None


REQUEST_TARGETS: Mapping[str, Target] = {
    "token of a feed": Target(parse=feed_token, refusals=(TokenRefused,), seeds=feed_tokens(), words=feed_tokens()),
    "bearer token": Target(
        parse=bearer_token, refusals=(BearerRefused,), seeds=forged_tokens(), words=(b".", b"=", b"e30")
    ),
    "token of CMS": Target(
        parse=cms_token, refusals=(CmsTokenRefused,), seeds=forged_tokens(), words=(b".", b"=", b"e30")
    ),
    "moment": Target(
        parse=moment,
        refusals=(ValueError,),
        seeds=(b"1:23:45.678", b"-0:00:01", b"2031-05-17T08:00:00.000+01:00", b"2031-05-17T08:00 01", *feed_tokens()),
        words=(b":", b".", b"-", b"+", b"Z", b"T", b"99999999999999999999", "٣".encode()),
    ),
    "query": Target(
        parse=query,
        refusals=(ValueError,),
        seeds=(b"team_id=t1&problem_id=a", b"judgement_type_id=&submission_id=s1", b"at=0:10:00&strict=1"),
        words=[b"%s=" % name.encode() for row in OBJECT_TYPES.values() for name in row.filter_properties],
    ),
    "JSON body": Target(parse=json_body, refusals=(Failure,), seeds=BODIES[:8], words=WORDS),
    "object": Target(parse=written_object, refusals=(Failure,), seeds=BODIES, words=WORDS),
    "form in parts": Target(
        parse=form, refusals=(Failure,), seeds=FORMS, words=(b"--limit", b"\r\n", b"filename*=utf-8''%ff", b'"', b"\\")
    ),
    "form": Target(
        parse=urlencoded_form, refusals=(Failure,), seeds=(b"username=a&password=b", b"a=%ff&b", b"&" * 200)
    ),
    "uploaded files": Target(
        parse=uploads,
        refusals=(msgspec.DecodeError, UnicodeDecodeError),
        seeds=(
            b'[{"data": "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==", "filename": "a.zip", "mime": "application/zip"}]',
            b'[{"href": "https://x.example/a", "filename": "a", "mime": "video/m2ts", "width": 1}]',
        ),
        words=(*WORDS, b'"image/svg+xml"', b'"image/png"', b'"mime":', b'"filename":', b'"../x"'),
    ),
    "arguments of the League": Target(
        parse=arguments,
        refusals=(Failure, ValueError),
        seeds=(
            b'{"username": "ada", "email": "ada@example.org", "password": "Abcdefg1!", "remember-me": "true"}',
            b'{"match": 1, "page": 2, "user": "ada", "start-date": "2031-05-17T08:00:00Z", "token": null}',
            b'{"username": "\\u0000", "positions": [{"party": "a", "position": 99999999999999999999}], "page": 1e999}',
        ),
        words=(b'"start-date":', b'"page":', b'"match-id":', b'"token":', b"1e400", b'"true"', *WORDS[-12:]),
    ),
    "person": Target(
        parse=person,
        seeds=(b"ada", b"Ada@Example.org", "пример@почта.рф".encode(), b'"a b"@x.org', b"a@b\nBcc: c@d.org"),
        words=(b"@", b"\r\nBcc: x@y.org", b"xn--", b".", "İ".encode(), "\u200d".encode(), b"=?utf-8?q?", b","),
    ),
    "head": Target(
        parse=head,
        refusals=(HeadRefused,),
        seeds=(b"contest data server head 1\ntime 2031-05-17T08:00:00Z\n", b"o1il " * 20),
        words=(b"contest data server head 1\n", b"time", b"stream", b"signature", b"public key", b"0" * 64, b"%20"),
    ),
    "header": Target(
        parse=forwarded,
        refusals=(Failure,),
        seeds=(b"192.0.2.1:4711, [2001:db8::1]:80", b"fe80::1%eth0", b'multipart/form-data; boundary="a b"'),
        words=(b"::ffff:", b",", b"[", b"]", b"%", b"boundary=", b"multipart/form-data;"),
    ),
    "answer of a platform": Target(
        parse=platform,
        seeds=(*PLATFORM_ANSWERS, ATCODER_PAGE),
        words=(b'"result":', b"1e300", b"-1", b"null", b"9" * 20, b"<td>", b"</tbody>", b'"status": "FAILED"'),
    ),
}
"""By name."""
