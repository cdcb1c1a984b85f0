"""The mailbox of a real server: everything new is taken once, and marked only when it is safe."""

import imaplib
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.dovecot import Dovecot
from tests.mailroom.conftest import letters_to
from tests.mailroom.post import FROM, compose, picture
from tests.stories import MINUTE, OPENING, Desk, at
from tickets.mailroom import polling
from tickets.mailroom.handling import handle_mails
from tickets.mailroom.imap import UnableToPoll
from tickets.mailroom.polling import LEASE, Polled, poll_mailbox
from tickets.mailroom.receiving import MAX_MAIL
from tickets.models import Evidence, InboundMail, Mailbox, Notice, Ticket
from tickets.sources import alarm_silent_sources, count_silent_sources
from tickets.tasks import poll_mail

pytestmark = pytest.mark.django_db


def poll(settings, now=OPENING, **more) -> Polled:
    return poll_mailbox(url=settings.IMAP_URL, clock=lambda: now, **more)


def test_from_the_mailbox_to_the_dispute(
    dovecot: Dovecot, desk: Desk, order, settings, tmp_path
) -> None:
    photo = picture(tmp_path / "a.jpg")
    text = "订单号LT202611240001，后四位1234，没有到账"
    dovecot.put(compose(text, files=[("付款.jpg", photo, "image/jpeg")]))
    assert poll(settings).stored == 1
    assert handle_mails(clock=lambda: OPENING) == 1
    ticket = Ticket.objects.get()
    assert ticket.intake == "email"
    assert Evidence.objects.get().ticket == ticket
    assert dovecot.find("UNSEEN") == []
    assert dovecot.find("ALL") == [1]


def test_looking_again_changes_nothing(dovecot: Dovecot, desk: Desk, settings) -> None:
    dovecot.put(compose())
    assert poll(settings).stored == 1
    for _time in range(2):
        assert poll(settings) == Polled()
    assert InboundMail.objects.count() == 1


def test_a_reader_that_dies_before_the_commit_has_marked_nothing(
    dovecot: Dovecot, desk: Desk, settings, monkeypatch
) -> None:
    class PowerCutError(BaseException): ...

    def cut(**kwargs):
        raise PowerCutError

    dovecot.put(compose())
    with monkeypatch.context() as power:
        power.setattr(polling, "store_mail", cut)
        with pytest.raises(PowerCutError):
            poll(settings)
    assert dovecot.find("UNSEEN") == [1]
    assert poll(settings).busy, "the dead reader's lease"
    assert poll(settings, now=OPENING + LEASE).stored == 1
    assert dovecot.find("UNSEEN") == []


def test_a_reader_that_dies_after_the_commit_takes_nothing_twice(
    dovecot: Dovecot, desk: Desk, settings, monkeypatch
) -> None:
    from tickets.mailroom.imap import Folder

    class PowerCutError(BaseException): ...

    def cut(*args):
        raise PowerCutError

    dovecot.put(compose())
    with monkeypatch.context() as power:
        power.setattr(Folder, "mark_taken", cut)
        with pytest.raises(PowerCutError):
            poll(settings)
    assert InboundMail.objects.count() == 1
    again = poll(settings, now=OPENING + LEASE)
    assert (again.stored, again.known) == (0, 1)
    assert dovecot.find("UNSEEN") == []


def test_what_a_person_has_read_meanwhile_is_taken_too(
    dovecot: Dovecot, desk: Desk, settings
) -> None:
    poll(settings)
    dovecot.put(compose(), flags=r"(\Seen)")
    assert poll(settings).stored == 1


def test_what_was_there_before_the_desk_is_left_alone(
    dovecot: Dovecot, desk: Desk, settings
) -> None:
    """Read mails, and unread ones of long ago: nobody expects an answer to them today."""
    long_ago = imaplib.Time2Internaldate(at("10-01 10:00"))
    lately = imaplib.Time2Internaldate(at("09:00"))
    dovecot.put(compose("很久以前", message_id="<1@x>"), at=long_ago)
    dovecot.put(compose("读过了", message_id="<2@x>"), flags=r"(\Seen)", at=lately)
    dovecot.put(compose("今天早上", message_id="<3@x>"), at=lately)
    assert poll(settings).stored == 1
    handle_mails(clock=lambda: OPENING)
    assert InboundMail.objects.get().body == "今天早上"
    assert dovecot.find("UNSEEN") == [1]


def test_a_mailbox_that_is_numbered_anew_brings_nothing_twice(
    dovecot: Dovecot, desk: Desk, settings
) -> None:
    for number in range(3):
        dovecot.put(compose(message_id=f"<{number}@x>"))
    poll(settings)
    Mailbox.objects.update(uidvalidity=1, last_uid=900)
    dovecot.put(compose(message_id="<new@x>"))
    assert poll(settings) == Polled(stored=1)
    assert Mailbox.objects.get().last_uid == 4


def test_more_than_one_look_can_take_is_taken_by_the_next(
    dovecot: Dovecot, desk: Desk, settings
) -> None:
    for number in range(3):
        dovecot.put(compose(message_id=f"<{number}@x>"))
    assert poll(settings, budget_s=0) == Polled()
    assert poll(settings).stored == 3


def test_of_a_mail_over_the_limit_only_the_head_is_fetched(
    dovecot: Dovecot, desk: Desk, settings
) -> None:
    raw = compose(files=[("film.mp4", b"\0" * (MAX_MAIL * 3 // 4 + 1000), "video/mp4")])
    assert len(raw) > MAX_MAIL
    dovecot.put(raw)
    assert poll(settings).stored == 1
    handle_mails(clock=lambda: OPENING)
    mail = InboundMail.objects.get()
    assert (mail.state, mail.reason) == ("refused", "too_large")
    assert mail.raw.size < 5000
    assert "25 MB" in letters_to(FROM)[0].body
    assert dovecot.find("UNSEEN") == []


@pytest.mark.parametrize("scheme", ["imap+ssl", "imap+tls", "imaps"])
def test_over_tls_with_a_certificate_that_is_trusted(
    dovecot: Dovecot, desk: Desk, settings, monkeypatch, scheme: str
) -> None:
    dovecot.put(compose())
    settings.IMAP_URL = dovecot.url(scheme)
    with pytest.raises(UnableToPoll, match="CERTIFICATE"):
        poll(settings)
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.certificate))
    assert poll(settings).stored == 1


def test_another_folder_and_one_that_is_not_there(dovecot: Dovecot, desk: Desk, settings) -> None:
    with dovecot.signed_in() as connection:
        connection.create("Disputes")
    dovecot.put(compose(), folder="Disputes")
    settings.IMAP_URL = dovecot.url(folder="Disputes")
    assert poll(settings).stored == 1
    settings.IMAP_URL = dovecot.url(folder="Nowhere")
    with pytest.raises(UnableToPoll):
        poll(settings)


def test_a_wrong_password_is_noted_and_told_without_the_password(
    dovecot: Dovecot, desk: Desk, settings
) -> None:
    settings.IMAP_URL = dovecot.url(password="wrong-secret")
    with pytest.raises(UnableToPoll) as refusal:
        poll(settings)
    mailbox = Mailbox.objects.get()
    assert mailbox.failing_since == OPENING
    assert "AUTHENTICATIONFAILED" in mailbox.last_error
    assert "wrong-secret" not in mailbox.last_error + str(refusal.value)
    assert mailbox.leased_until is None


def test_silence_of_a_quarter_hour_calls_the_supervisors_once_and_loses_nothing(
    dovecot: Dovecot, desk: Desk, settings
) -> None:
    assert poll(settings) == Polled()
    dovecot.stop()
    try:
        for minutes in range(0, 20, 5):
            now = OPENING + minutes * MINUTE
            with pytest.raises(UnableToPoll):
                poll(settings, now=now)
            alarm_silent_sources(now=now)
            assert count_silent_sources(now) == 0
        for minutes in (16, 30):
            alarm_silent_sources(now=OPENING + minutes * MINUTE)
            assert count_silent_sources(OPENING + minutes * MINUTE) == 1
    finally:
        dovecot.start()
    told = Notice.objects.filter(kind="mailbox_silent_staff")
    assert sorted(notice.user.username for notice in told) == ["wang", "zhao"]
    letter = letters_to("wang@desk.example.com", now=OPENING + 30 * MINUTE)[0]
    assert letter.subject == "申诉台的邮箱无法读取"
    assert "2026-11-24 10:00" in letter.body
    dovecot.put(compose())
    assert poll(settings, now=OPENING + 31 * MINUTE).stored == 1
    assert count_silent_sources(OPENING + 31 * MINUTE) == 0


def test_two_readers_at_once_are_one(dovecot: Dovecot, desk: Desk, settings) -> None:
    poll(settings)
    Mailbox.objects.update(leased_until=OPENING + LEASE)
    dovecot.put(compose())
    assert poll(settings).busy
    assert poll(settings, now=OPENING + LEASE).stored == 1


def test_by_the_command_and_by_the_task(dovecot: Dovecot, desk: Desk, settings) -> None:
    dovecot.put(compose())
    out = StringIO()
    call_command("poll_mail", stdout=out)
    assert "1" in out.getvalue()
    assert InboundMail.objects.get().state == "asked"
    dovecot.put(compose(message_id="<2@x>"))
    poll_mail()
    assert InboundMail.objects.filter(state="asked").count() == 2
    settings.IMAP_URL = dovecot.url(password="wrong")
    poll_mail()
    with pytest.raises(CommandError, match="AUTHENTICATIONFAILED"):
        call_command("poll_mail")


def test_without_a_mailbox_nothing_runs(settings) -> None:
    from helpdesk.celery import outside_schedule

    assert "poll-mail" in outside_schedule()
    settings.IMAP_URL = ""
    assert "poll-mail" not in outside_schedule()
    with pytest.raises(CommandError):
        call_command("poll_mail")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("imap://desk:x@imap.example.com/INBOX", "clear"),
        ("pop3://desk:x@imap.example.com", "must look like"),
        ("imap+ssl://imap.example.com", "must look like"),
        ("imap+ssl://desk:x@imap.example.com:port/INBOX", "Port"),
        ("imap+ssl://desk:x@imap.example.com/%E6%94%B6", "ASCII"),
    ],
)
def test_an_address_that_is_none_is_found_before_it_is_needed(
    settings, url: str, said: str
) -> None:
    from tickets.apps import check_mailbox

    settings.IMAP_URL = url
    (found,) = check_mailbox()
    assert said in found.msg
    assert ":x@" not in found.msg
