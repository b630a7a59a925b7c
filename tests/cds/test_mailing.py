"""Mails over SMTP to a sink on the loopback: what arrives, and what becomes of mails that cannot be sent."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from cds import mailing
from cds.mail_settings import MailSettings, SmtpServer
from cds.mailing import SENDERS, LogBackend, Mail, Mailer, message_of, opened_mailer
from cds.own_certificate import own_certificate
from tests.cds.users.mail_sink import DEADLINE_S, MailSink, mail_sink

WHOLE_PAUSES_S = mailing.PAUSES_S
MAIL = Mail(to="ada@example.com", subject="A new password", text="This is the code:\n\nabc\n")


def settings_for(sink: MailSink) -> MailSettings:
    """Mails go to the sink."""
    return MailSettings(
        server=SmtpServer(scheme="smtp", host="127.0.0.1", port=sink.port), sender="contest@example.com"
    )


@pytest.fixture
async def sink() -> AsyncIterator[MailSink]:
    """A sink."""
    async with mail_sink() as opened:
        yield opened


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mails are sent again at once."""
    monkeypatch.setattr(mailing, "PAUSES_S", (0.001,) * 5)


async def test_a_mail_arrives_as_it_was_written(sink: MailSink) -> None:
    """As plain text, which stands in it as it is, so that a script can find a code."""
    async with opened_mailer(settings_for(sink)) as mailer:
        mailer.send(MAIL)
        message = await sink.mail(0)
    assert (message["From"], message["To"], message["Subject"]) == ("contest@example.com", MAIL.to, MAIL.subject)
    assert message.get_content_type() == "text/plain"
    assert message.get_content().replace("\r\n", "\n") == MAIL.text
    assert b"\r\nabc\r\n" in sink.raw[0]
    assert message["Date"] is not None
    assert (sink.senders, sink.recipients) == (["contest@example.com"], [MAIL.to])


@pytest.mark.parametrize(
    ("address", "recipient"),
    [("a@m\u00fcnchen.de", "a@xn--mnchen-3ya.de"), ("жена@пример.рф", "жена@xn--e1afmkfd.xn--p1ai")],
)
async def test_addresses_in_any_script(sink: MailSink, address: str, recipient: str) -> None:
    """Domains as every server understands them; only what stands before one needs SMTPUTF8."""
    async with opened_mailer(settings_for(sink)) as mailer:
        mailer.send(Mail(to=address, subject="A new password", text="abc\n"))
        await sink.mail(0)
    assert sink.recipients == [recipient]
    assert (await sink.mail(0))["To"] == recipient


@pytest.fixture(scope="module")
def own_encryption(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """What a server has that signs its certificate itself."""
    files = own_certificate(tmp_path_factory.mktemp("tls"), ())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate)
    return context


async def test_encryption_that_is_offered_is_taken_whoever_signed_it(own_encryption: ssl.SSLContext) -> None:
    async with mail_sink(own_encryption) as sink, opened_mailer(settings_for(sink)) as mailer:
        mailer.send(MAIL)
        await sink.mail(0)
        assert sink.encrypted == 1


async def test_a_password_is_given_to_nobody_unproven(own_encryption: ssl.SSLContext) -> None:
    async with mail_sink(own_encryption) as sink:
        server = SmtpServer(scheme="smtp", host="127.0.0.1", port=sink.port, username="ada", password="secret")
        with capture_logs() as logs:
            async with opened_mailer(MailSettings(server=server)) as mailer:
                mailer.send(MAIL)
        assert sink.messages == []
    assert logs[-1]["given_up"] is True


async def test_a_refusal_for_now_is_tried_again(sink: MailSink) -> None:
    sink.refusals = [b"451 try again\r\n", b"450 busy\r\n"]
    async with opened_mailer(settings_for(sink)) as mailer:
        mailer.send(MAIL)
        await sink.mail(0)
    assert sink.connections == 3


async def test_a_refusal_for_good_is_not_tried_again_and_tells_nothing(sink: MailSink) -> None:
    """The log says what kind of failure it was; never the address or the text."""
    sink.refused = {MAIL.to: b"550 no such user ada@example.com\r\n"}
    with capture_logs() as logs:
        async with opened_mailer(settings_for(sink)) as mailer:
            mailer.send(MAIL)
            mailer.send(Mail(to="bob@example.com", subject="A new password", text="xyz\n"))
            await sink.mail(0)
    assert sink.recipients == ["bob@example.com"]
    (line,) = logs
    assert (line["event"], line["code"], line["given_up"]) == ("mail_failed", 550, True)
    assert "ada" not in str(logs)
    assert "abc" not in str(logs)


async def test_a_server_that_is_not_there_is_asked_again_and_then_given_up() -> None:
    mailer = Mailer(Failing())
    with capture_logs() as logs:
        async with asyncio.timeout(DEADLINE_S), running(mailer):
            mailer.send(MAIL)
            while mailer.unsent:
                await asyncio.sleep(0)
    assert [(line["attempt"], line["given_up"]) for line in logs] == [
        (attempt, attempt == 6) for attempt in range(1, 7)
    ]


def test_a_mail_is_tried_for_half_an_hour() -> None:
    """Servers that refuse strangers at first let them in after some minutes; each pause is longer than the last."""
    assert 25 * 60 <= sum(WHOLE_PAUSES_S) <= 35 * 60
    assert sorted(WHOLE_PAUSES_S) == list(WHOLE_PAUSES_S)


async def test_one_that_is_refused_holds_up_nobody(sink: MailSink, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for its next time beside the others, however long that is."""
    monkeypatch.setattr(mailing, "PAUSES_S", (3_600.0,))
    monkeypatch.setattr(mailing, "DRAIN_S_MAX", 0.1)
    sink.refused = {f"bad{number}@example.com": b"450 not now\r\n" for number in range(8)}
    with capture_logs() as logs:
        async with opened_mailer(settings_for(sink)) as mailer:
            for address in sink.refused:
                mailer.send(Mail(to=address, subject="s", text="t"))
            mailer.send(MAIL)
            await sink.mail(0)
    assert sink.recipients == [MAIL.to]
    assert (logs[-1]["event"], logs[-1]["count"]) == ("mails_dropped", 8)


async def test_those_that_hang_hold_up_no_more_than_their_senders() -> None:
    """Three hang, one sends all the others; urgent ones come first, and one that hangs is under way."""
    backend = Hanging()
    mailer = Mailer(backend)
    for number in range(3):
        mailer.send(Mail(to=f"hang{number}@example.com", subject="s", text="t"))
    async with asyncio.timeout(DEADLINE_S), running(mailer):
        while len(backend.hanging) < 3:
            await asyncio.sleep(0)
        mailer.send(Mail(to="bob@example.com", subject="s", text="t"))
        mailer.send(Mail(to="code@example.com", subject="s", text="t", urgent=True))
        mailer.send(MAIL)
        while len(backend.sent) < 3:
            await asyncio.sleep(0)
        assert backend.sent == ["code@example.com", "bob@example.com", MAIL.to]
        assert mailer.unsent == 3


@asynccontextmanager
async def running(mailer: Mailer) -> AsyncIterator[None]:
    """A mailer that sends for the length of the block."""
    sending = asyncio.create_task(mailer.run())
    try:
        yield
    finally:
        sending.cancel()
        await asyncio.wait([sending])


class Failing:
    """Takes no mail."""

    async def send(self, mail: Mail) -> None:
        """Fails."""
        raise ConnectionRefusedError(f"nobody takes {mail.to}")


class Hanging:
    """Takes mails but for those to `hang…`, which it never comes to an end with."""

    def __init__(self) -> None:
        """None yet."""
        self.hanging: list[str] = []
        self.sent: list[str] = []

    async def send(self, mail: Mail) -> None:
        """Take one, or not."""
        if mail.to.startswith("hang"):
            self.hanging.append(mail.to)
            await asyncio.Event().wait()
        self.sent.append(mail.to)


async def test_a_server_that_hangs_is_cut_off_in_time(sink: MailSink, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not asked for leave: the connection is gone, and the mail waits for its next time."""
    monkeypatch.setattr(mailing, "SEND_S_MAX", 0.1)
    monkeypatch.setattr(mailing, "PAUSES_S", (3_600.0,))
    sink.hanging = "RCPT"
    with capture_logs() as logs:
        async with asyncio.timeout(DEADLINE_S), opened_mailer(settings_for(sink)) as mailer:
            mailer.send(MAIL)
            await sink.left()
            assert mailer.unsent == 1
    assert [(line["event"], line.get("reason")) for line in logs] == [
        ("mail_failed", "TimeoutError"),
        ("mails_dropped", "the server stops"),
    ]
    assert sink.verbs == ["EHLO", "MAIL", "RCPT"]


async def test_a_mail_that_was_taken_is_not_sent_again(sink: MailSink, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the server takes leave, even if it does not."""
    monkeypatch.setattr(mailing, "QUIT_S_MAX", 0.05)
    sink.hanging = "QUIT"
    with capture_logs() as logs:
        async with asyncio.timeout(DEADLINE_S), opened_mailer(settings_for(sink)) as mailer:
            mailer.send(MAIL)
            await sink.left()
    assert (len(sink.messages), sink.connections, logs) == (1, 1, [])


async def test_beyond_the_queue_mails_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log says so; a code is not dropped for what is no code."""
    monkeypatch.setattr(mailing, "MAILS_WAITING_MAX", 2)
    mailer = Mailer(Failing())
    with capture_logs() as logs:
        for number in range(3):
            mailer.send(Mail(to=MAIL.to, subject=f"{number}", text="abc"))
        mailer.send(Mail(to=MAIL.to, subject="code", text="abc", urgent=True))
    assert mailer.unsent == 2
    assert [(line["event"], line["subject"]) for line in logs] == [("mail_dropped", "2"), ("mail_dropped", "1")]
    assert "ada" not in str(logs)


async def test_a_server_that_stops_does_not_wait_and_counts_what_is_lost(
    sink: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is under way, too, while the other side hangs."""
    monkeypatch.setattr(mailing, "DRAIN_S_MAX", 0.1)
    sink.hanging = "RCPT"
    with capture_logs() as logs:
        async with asyncio.timeout(DEADLINE_S), opened_mailer(settings_for(sink)) as mailer:
            for _ in range(SENDERS + 2):
                mailer.send(MAIL)
            await sink.until(lambda: sink.verbs.count("RCPT") == SENDERS)
        await sink.left()
    assert [(line["event"], line["count"]) for line in logs] == [("mails_dropped", SENDERS + 2)]


async def test_a_server_that_stops_sends_what_it_can(sink: MailSink) -> None:
    async with opened_mailer(settings_for(sink)) as mailer:
        for _ in range(20):
            mailer.send(MAIL)
    assert len(sink.messages) == 20


@pytest.mark.parametrize("printed", [False, True])
async def test_without_a_server_the_log_says_that_nothing_was_sent(
    capsys: pytest.CaptureFixture[str], *, printed: bool
) -> None:
    """The code is printed for trials alone, and is never in the log; nor where a worker talks to its supervisor."""
    with capture_logs() as logs:
        await LogBackend(printed=printed).send(MAIL)
    assert [line["event"] for line in logs] == ["mail_not_sent"]
    assert "abc" not in str(logs)
    said = capsys.readouterr()
    assert (said.out, "abc" in said.err) == ("", printed)


@pytest.mark.parametrize(
    "to",
    [
        "a@b.de\r\nBcc: x@y.de",
        "a@b.de\nX: y",
        "=?utf-8?q?x?=@example.org",
        "=?utf-8?q?three=40victim.example=3E=2C=3Cfour?=@example.org",
        "=?utf-8?b?YQ0KYg==?=@example.org",
    ],
)
async def test_nothing_slips_into_the_head(sink: MailSink, to: str) -> None:
    """No line, and no other receiver: such a mail is not sent at all."""
    with pytest.raises(ValueError, match=r"CR or LF|encoded word"):
        message_of(Mail(to=to, subject="s", text="t"), "a@b.de")
    with capture_logs() as logs:
        async with opened_mailer(settings_for(sink)) as mailer:
            mailer.send(Mail(to=to, subject="s", text="t"))
    assert [(line["event"], line["given_up"]) for line in logs] == [("mail_failed", True)]
    assert sink.connections == 0


async def test_addresses_go_over_the_wire_as_they_are(sink: MailSink) -> None:
    """What stands before the @ is taken for no name, comment or list."""
    for address in ("o'neil+x@example.com", "a!#$%&*-/=x?^_`{|}~b@example.com", f"{'a' * 64}@example.com"):
        async with opened_mailer(settings_for(sink)) as mailer:
            mailer.send(Mail(to=address, subject="s", text="t"))
        assert sink.recipients[-1] == address
        assert sink.messages[-1]["To"] == address
