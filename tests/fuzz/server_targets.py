"""Targets that read what other servers say, and what heads of requests hold: lines, answers, conditions."""

import json
from collections.abc import Callable, Mapping

from aiohttp import hdrs, web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict
from yarl import URL

from cds.cms_api.statements import _whole_or_part
from cds.commands.decision import Refused
from cds.commands.students import read_change, read_enrolment
from cds.commands.webhook_urls import check_url
from cds.commands.webhooks import read_patch, read_registering
from cds.comparing.fetching import _state_in
from cds.contest_api.bodies import parse_object
from cds.contest_api.conditions import precondition_of, repetition_of
from cds.contest_api.errors import Failure
from cds.contest_api.feed_requests import framing_of, pace_permille_of, stays, token_of
from cds.contest_api.negotiation import accepts_gzip, wants_event_stream, wants_page
from cds.contest_api.scoreboard_stream import known_board
from cds.contest_api.service import _basic
from cds.live_play.client import Answer as PlayAnswer
from cds.loc_api.dates import read_date, shown_date
from cds.operations.metrics_page import _names_loopback
from cds.platform_api.asking import _contest_number
from cds.platforms.adapters.codeforces_result_pages import contest_results
from cds.platforms.questions import PlatformFailed, Reply
from cds.relay.askers import viewer_behind
from cds.relay.line_cutting import LineCutter, LineTooLong
from cds.relay.upstream import Asker, _provider_of
from cds.submitting.asking import Answer as SubmitAnswer
from cds.submitting.asking import _Refusal
from cds.upstream.addresses import upstream_address
from cds.upstream.decisions import decide_following
from cds.upstream.following import Following
from cds.upstream.lines import LineSplitter
from cds.upstream.looking import _translated
from cds.upstream.secrecy import without_passwords
from cds.upstream.source_log import line_event
from projections.contest import ContestState
from projections.scoreboard_changes import encoded_changes, read_board
from schemas.object_types import OBJECT_TYPES
from schemas.webhooks import Webhook
from tests.fuzz.request_seeds import NOW_MS, PLATFORM_ANSWERS, WORDS
from tests.fuzz.request_targets import check_sentence, check_status
from tests.fuzz.source_targets import FEEDS
from tests.fuzz.target import Target

ADDRESS = upstream_address("https://other.example/api/contests/c1")
CONTEST_NUMBER = 1
REPLIES_MAX = 20
"""So many questions of a conversation are answered before it is left."""

LINE_BYTES = 4_096
READ_TYPES = ("contest", "judgement-types", "problems", "teams", "state", "submissions")


def followed(data: bytes) -> ContestState:
    """The lines of a feed that is followed, in pieces, and what a contest of ours comes to by them."""
    splitter, following, contest = LineSplitter(LINE_BYTES), Following("c1", ADDRESS), ContestState()
    cut = len(data) // 2
    taken = [*splitter.take(data[:cut]), *splitter.take(data[cut:]), *splitter.rest()]
    lines = (line for line in taken if isinstance(line, bytes))
    for position, line in enumerate(lines, 1):
        event = line_event(without_passwords(line)[0])
        step = following.take(position, event.type, event.data)
        decided = decide_following(contest, [] if step is None else [step], following.wanted())
        for _, change in decided.changes:
            contest.apply(contest.position + 1, change.type, change.id, change.instance)
    return contest


def collections_beside(data: bytes) -> object:
    """What an upstream says of a contest elsewhere than in its feed, and who it says it is."""
    reading = Following("c1", ADDRESS).reading_beside()
    pieces = data.split(b"\n")
    _translated(reading, [(OBJECT_TYPES[name], piece) for name, piece in zip(READ_TYPES, pieces, strict=False)])
    _state_in(data)
    return _provider_of(200, data)


def relayed_lines(data: bytes) -> object:
    """A feed that is passed on, in pieces, however they are cut."""
    whole, cut = LineCutter(), LineCutter()
    middle = len(data) // 3
    found = [*cut.lines(data[:middle]), *cut.lines(data[middle:])]
    assert found == whole.lines(data)
    return found


def board(data: bytes) -> object:
    """A board, and another one in the form of differences from it."""
    one, _, other = data.partition(b"\n")
    return json.loads(encoded_changes(read_board(one), read_board(other)))


def answers_of_servers(data: bytes) -> object:
    """What another server answers to who hands something in, or plays."""
    SubmitAnswer(400, data).refusal("submit").args[0].encode()
    SubmitAnswer(200, data).like(_Refusal)
    return PlayAnswer(request="GET /", status=400, body=data).failure


def results(data: bytes) -> object:
    """The standings and the submissions of a contest of Codeforces: two answers, the second to every page."""
    first, _, second = data.partition(b"\n")
    conversation = contest_results(CONTEST_NUMBER, NOW_MS)
    headers = {"content-type": "application/json"}
    try:
        question = next(conversation)
        for number in range(REPLIES_MAX):
            reply = Reply(status=200, headers=headers, body=second if number else first)
            question.check(reply)
            question = conversation.send(reply)
    except StopIteration as found:
        return found.value
    finally:
        conversation.close()
    return None


def head_of_request(data: bytes) -> object:
    """Everything that is read out of the headers and the query of a request: line by line a name and a value."""
    request = _request(data)
    framing = framing_of(request)
    token_of(request, framing)
    for read in (stays, known_board, wants_page, wants_event_stream, accepts_gzip):
        read(request)
    assert pace_permille_of(request.headers) > 0
    _failing(lambda: precondition_of(request))
    _failing(lambda: repetition_of(request, "somebody", b"key", [data]))
    _failing(lambda: _basic(request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")[2]))
    viewer_behind(Asker(authorization=request.headers.get(hdrs.AUTHORIZATION)))
    part = _whole_or_part(request, b"0123456789" * 10, "tag", {})
    assert part.status in (200, 206, 416)
    _names_loopback(request.host)
    return part


def _request(data: bytes) -> web.Request:
    """The first line is the query, then come headers; what no request can hold is left out."""
    query, *lines = data.decode("utf-8", "replace").split("\n")
    headers = CIMultiDict[str]()
    for line in lines:
        name, _, value = line.partition(": ")
        if name.isascii() and name.replace("-", "").isalnum():
            headers.add(name, "".join(each for each in value if each.isprintable()))
    return make_mocked_request("GET", str(URL.build(path="/api/contests", query_string=query)), headers=headers)


def _failing(read: Callable[[], object]) -> None:
    try:
        read()
    except Failure as failure:
        check_sentence(failure.message)


def date(data: bytes) -> object:
    """A date as the League of Code takes it; what is taken can be shown."""
    moment_ms = read_date(data.decode("utf-8", "surrogateescape"))
    assert read_date(shown_date(moment_ms)) == moment_ms
    return moment_ms


_WEBHOOK = Webhook(
    id="w1",
    url="https://x.example",
    endpoints=(),
    contest_ids=(),
    active=True,
    secret="s",
    owner="admin",
    after={},
    request=None,
)


def small_bodies(data: bytes) -> object:
    """Bodies of other endpoints than those of objects: students, webhooks, and what a sync asks for."""
    properties = parse_object(data)
    for read in (
        lambda: read_enrolment(properties),
        lambda: read_change(properties),
        lambda: read_registering(properties),
        lambda: read_patch(properties, _WEBHOOK),
    ):
        try:
            read()
        except Refused as refused:
            check_sentence(refused.reason)
    for value in properties.values():
        try:
            _contest_number(value)
        except Failure as failure:
            check_status(failure)
    return None


def webhook_url(data: bytes) -> None:
    """Where a webhook is to be called: what is taken names no address of a network of ours."""
    check_url(data.decode("utf-8", "surrogateescape"), private_allowed=False)


_STANDINGS = {
    "status": "OK",
    "result": {
        "contest": json.loads(PLATFORM_ANSWERS[0])["result"][0],
        "problems": [{"contestId": 1, "index": "A", "name": "Apples", "type": "PROGRAMMING"}],
        "rows": [
            {
                "party": {"members": [{"handle": "tourist"}], "participantType": "CONTESTANT", "ghost": False},
                "rank": 1,
                "points": 1.0,
                "penalty": 5,
                "problemResults": [{"points": 1.0, "rejectedAttemptCount": 0, "type": "FINAL"}],
            }
        ],
    },
}
_SUBMISSIONS = {
    "status": "OK",
    "result": [
        {
            "id": 7,
            "creationTimeSeconds": 1_700_000_060,
            "relativeTimeSeconds": 60,
            "problem": {"index": "A"},
            "author": _STANDINGS["result"]["rows"][0]["party"],  # type: ignore[index]  # see above
            "programmingLanguage": "C++",
            "verdict": "OK",
            "passedTestCount": 3,
        }
    ],
}
_BOARD = {
    "time": "2031-05-17T08:00:00Z",
    "contest_time": "0:00:00",
    "state": {},
    "rows": [{"rank": 1, "team_id": "t1", "score": {}, "problems": []}],
}

SERVER_TARGETS: Mapping[str, Target] = {
    "followed feed": Target(parse=followed, seeds=FEEDS, words=WORDS),
    "collections of an upstream": Target(
        parse=collections_beside,
        seeds=(
            b'{"id":"c1","name":"C","duration":"5:00:00"}\n[]\n[{"id":"a","ordinal":1}]',
            b'{"type":"state","data":{"end_of_updates":"2031-05-17T08:00:00Z"}}',
            b'{"provider":{"name":"somebody"}}',
        ),
        words=WORDS,
    ),
    "relayed lines": Target(parse=relayed_lines, refusals=(LineTooLong,), seeds=FEEDS, words=(b"\r\n", b"\n\n", b"\r")),
    "board": Target(
        parse=board,
        refusals=(ValueError, RecursionError),  # A board that is relayed comes to its end by either.
        seeds=(b"\n".join([json.dumps(_BOARD).encode()] * 2),),
        words=(b'"rank":2', b'"team_id":', b'"rows":[', b'"removed":', b"null"),
    ),
    "answer of a server": Target(
        parse=answers_of_servers,
        seeds=(b'{"code":400,"message":"no"}', b'{"error":"x","details":"y"}', b'{"message":"\x80"}'),
        words=WORDS[-8:],
    ),
    "results of a platform": Target(
        parse=results,
        refusals=(PlatformFailed,),
        seeds=(json.dumps(_STANDINGS).encode() + b"\n" + json.dumps(_SUBMISSIONS).encode(),),
        words=(
            b"1e300",
            b"-1",
            b"null",
            b"9" * 20,
            b'"ghost":true',
            b'"teamId":1',
            b'"verdict":',
            b"2147483647",
            b"{}",
        ),
    ),
    "head of a request": Target(
        parse=head_of_request,
        seeds=(
            b"since_token=x&stream=no\nAccept: text/event-stream;q=0.5, */*\nAccept-Encoding: gzip;q=nan, br",
            b'\nIf-Match: "a", W/"b"\nIf-None-Match: *\nIdempotency-Key: k\nContest-Pace: 1e400\nLast-Event-ID: x',
            b"\nHost: [::1]:80\nRange: bytes=0-4\nIf-Range: tag\nAuthorization: Basic OnB3\nX-Forwarded-For: ::1",
        ),
        words=(
            *(b"\n%s: " % name for name in (b"Range", b"If-Range", b"If-Match", b"Authorization", b"Accept")),
            *(b"bytes=", b"-", b"W/", b'"', b"*", b";q=", b"Basic ", b"Bearer ", b"inf", b"\xff", b"%00", b"9" * 30),
        ),
    ),
    "date": Target(
        parse=date,
        refusals=(ValueError,),
        seeds=(b"2031-05-17 08:00", b"2031-05-17T08:00:01.5+05:30", b"0001-01-01 00:00:00 +23:59"),
        words=(b":", b"-", b"+", b"Z", b"T", b" ", b"9999-12-31", "٣".encode()),
    ),
    "small bodies": Target(
        parse=small_bodies,
        refusals=(Failure,),
        seeds=(
            b'{"name":"Ada","email":"ada@example.org","phoneNo":"1","codeforcesHandle":"Petr"}',
            b'{"url":"https://hooks.example/a","token":"0123456789abcdef","endpoints":["teams"],"contest_ids":[]}',
            b'{"contestId":1900,"forceSync":true,"active":true}',
        ),
        words=(*WORDS, b'"codeforcesHandle":', b'"contestId":', b'"https://[::1]/"', b'"https://127.1/"'),
    ),
    "URL of a webhook": Target(
        parse=webhook_url,
        refusals=(Refused,),
        seeds=(b"https://hooks.example:8443/a?b=c", b"http://[fe80::1%25eth0]/", b"http://2130706433/", b"https://x@y"),
        words=(b"://", b"[", b"]", b"%", b"@", b":99999", b"0x7f.1", b"localhost", b"\\", b"\t", "ß".encode()),
    ),
}
"""By name."""
