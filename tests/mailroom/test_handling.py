"""Each mail is handled once, whatever it is: machines, floods, poison, and two readers at once."""

import threading

import pytest
from django.db import connection

from tests.mailroom.conftest import Deliver, letters_to
from tests.mailroom.post import FROM, compose, wire
from tests.stories import MINUTE, OPENING, SECOND, Desk
from tickets.evidence.keeping import evidence_storage
from tickets.mailroom import handling
from tickets.mailroom.handling import (
    LEASE,
    MAILS_PER_HOUR,
    MAX_ATTEMPTS,
    claim_mail,
    handle_mails,
)
from tickets.mailroom.receiving import MAX_MAIL, store_mail
from tickets.models import InboundMail, Notice, Ticket

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("Auto-Submitted: auto-replied", "auto_reply"),
        ("Precedence: bulk", "mailing_list"),
        ("List-Id: <news.example.com>", "mailing_list"),
        ("Return-Path: <>", "bounce"),
        ("X-Loop: desk@desk.example.com", "own_mail"),
    ],
)
def test_machines_are_kept_and_never_answered(
    deliver: Deliver, desk: Desk, order, header: str, reason: str
) -> None:
    mail = deliver(f"{header}\r\n".encode() + compose("LT202611240001 后四位1234"))
    assert (mail.state, mail.reason) == ("ignored", reason)
    assert Ticket.objects.count() == Notice.objects.count() == 0
    assert evidence_storage().exists(mail.raw.name)


def test_two_desks_do_not_write_to_each_other_for_ever(deliver: Deliver, desk: Desk) -> None:
    """Our answer comes back as somebody's question: it is known for a machine's."""
    deliver(compose())
    (ours,) = letters_to(FROM)
    echo = deliver(ours.message().as_bytes())
    assert echo.state == "ignored"
    assert len(letters_to(FROM)) == 1


def test_who_writes_without_end_is_not_read_any_more(deliver: Deliver, desk: Desk, order) -> None:
    for number in range(MAILS_PER_HOUR + 1):
        assert InboundMail.objects.exclude(state="asked").count() == 0
        mail = deliver(compose(message_id=f"<{number}@x>"), now=OPENING + number * SECOND)
    assert (mail.state, mail.reason) == ("ignored", "rate_limited")
    later = deliver(compose(message_id="<later@x>"), now=OPENING + 62 * MINUTE)
    assert later.state == "asked"


def test_a_mail_that_is_too_large_is_answered_with_the_limit(deliver: Deliver, desk: Desk) -> None:
    mail = deliver(compose(), size=MAX_MAIL + 1)
    assert (mail.state, mail.reason, mail.size) == ("refused", "too_large", MAX_MAIL + 1)
    assert "25 MB" in letters_to(FROM)[0].body


def test_one_id_for_two_mails_loses_none(deliver: Deliver, desk: Desk) -> None:
    first, second = deliver(compose("第一封")), deliver(compose("第二封"))
    assert first != second
    assert deliver(compose("第二封")) == second
    assert {"第一封", "第二封"} == set(InboundMail.objects.values_list("body", flat=True))


def test_without_an_id_the_content_is_its_name(deliver: Deliver, desk: Desk) -> None:
    raw = compose(message_id="")
    assert deliver(raw) == deliver(raw)
    assert InboundMail.objects.get().message_id.startswith("sha256:")


@pytest.mark.parametrize("message_id", ["<" + "a" * 900 + "@x>", "<\x7f@x>", "<没有@x>", "none"])
def test_strange_ids_are_no_obstacle(deliver: Deliver, desk: Desk, message_id: str) -> None:
    raw = f"Message-ID: {message_id}\r\n".encode() + compose(message_id="")
    assert deliver(raw).state == "asked"
    assert deliver(raw) == InboundMail.objects.get()


def test_poison_is_set_aside_with_an_alarm_and_the_others_are_read(
    deliver: Deliver, desk: Desk
) -> None:
    parts = "--A\nContent-Type: text/plain\n\nx\n" * 300
    poison = wire(f"From: {FROM}\nMessage-ID: <p@x>\nContent-Type: multipart/mixed; boundary=A\n\n")
    mail = deliver(poison + wire(f"{parts}--A--\n"))
    good = deliver(compose())
    assert (mail.state, good.state) == ("quarantined", "asked")
    assert "200 parts" in mail.last_error
    assert {"wang@desk.example.com", "zhao@desk.example.com"} == {
        address
        for name in ("wang", "zhao")
        for letter in letters_to(f"{name}@desk.example.com")
        for address in letter.to
        if "无法读取" in letter.subject
    }


def test_what_fails_is_tried_again_and_then_set_aside(
    deliver: Deliver, desk: Desk, monkeypatch
) -> None:
    def fail(*args, **kwargs):
        raise ZeroDivisionError("made for this test")

    monkeypatch.setattr(handling, "decide", fail)
    mail = deliver(compose())
    attempts = 1
    while mail.state == "received":
        assert mail.attempts == attempts
        assert "ZeroDivisionError" in mail.last_error
        assert handle_mails(clock=lambda: mail.not_before - SECOND) == 0
        handle_mails(clock=lambda: mail.not_before)
        mail.refresh_from_db()
        attempts += 1
    assert (mail.state, mail.attempts) == ("quarantined", MAX_ATTEMPTS)
    assert handle_mails(clock=lambda: mail.not_before + 60 * MINUTE) == 0


def test_a_mail_that_kills_its_reader_is_not_read_for_ever(desk: Desk) -> None:
    raw = compose()
    mail = store_mail(raw=raw, size=len(raw), now=OPENING)
    now = OPENING
    for _death in range(MAX_ATTEMPTS):
        assert claim_mail(now=now) == mail
        assert claim_mail(now=now + LEASE - SECOND) is None
        now += LEASE
    handle_mails(clock=lambda: now)
    mail.refresh_from_db()
    assert mail.state == "quarantined"


def test_what_a_sender_writes_into_heads_breaks_no_row(deliver: Deliver, desk: Desk) -> None:
    raw = wire(
        f'From: "{"赵" * 300}" <{FROM}>\nSubject: {"长" * 900}\x00\nMessage-ID: <h@x>\n'
        f"Content-Type: text/plain; charset=utf-8\n\n\x00{'字' * 60000}"
    )
    mail = deliver(raw)
    assert mail.state == "asked"
    assert (len(mail.sender_name), len(mail.subject), len(mail.body)) == (100, 300, 50000)


@pytest.mark.django_db(transaction=True)
def test_two_workers_open_one_dispute(desk: Desk, order) -> None:
    for number in range(6):
        raw = compose("LT202611240001 后四位1234", message_id=f"<{number}@x>")
        store_mail(raw=raw, size=len(raw), now=OPENING)
    handled: list[int] = []

    def work() -> None:
        try:
            handled.append(handle_mails(clock=lambda: OPENING))
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _worker in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert sum(handled) == 6
    assert Ticket.objects.count() == 1
    states = sorted(InboundMail.objects.values_list("state", flat=True))
    assert states == ["added"] * 5 + ["opened"]
