"""What no person wrote is never answered."""

import pytest

from tests.mailroom.post import compose, wire, word
from tickets.mailroom.judging import find_reason_to_ignore
from tickets.mailroom.letters import read_letter

OWN = {"desk@desk.example.com"}


def judge(raw: bytes) -> str:
    return find_reason_to_ignore(read_letter(raw), own_addresses=OWN)


@pytest.mark.parametrize(
    ("header", "value", "reason"),
    [
        ("Auto-Submitted", "auto-replied", "auto_reply"),
        ("Auto-Submitted", "auto-generated; x=y", "auto_reply"),
        ("Auto-Submitted", "No", ""),
        ("Precedence", "bulk", "mailing_list"),
        ("Precedence", "List", "mailing_list"),
        ("Precedence", "junk", "mailing_list"),
        ("Precedence", "auto_reply", "auto_reply"),
        ("Precedence", "first-class", ""),
        ("X-Autoreply", "yes", "auto_reply"),
        ("X-Autorespond", "vacation", "auto_reply"),
        ("List-Id", "<news.example.com>", "mailing_list"),
        ("List-Unsubscribe", "<mailto:x@example.com>", "mailing_list"),
        ("X-Loop", "Desk@desk.example.com", "own_mail"),
        ("X-Loop", "other@example.com", ""),
        ("Return-Path", "<>", "bounce"),
        ("X-Failed-Recipients", "x@example.com", "bounce"),
    ],
)
def test_by_a_header(header: str, value: str, reason: str) -> None:
    assert judge(f"{header}: {value}\r\n".encode() + compose()) == reason


@pytest.mark.parametrize(
    ("sender", "reason"),
    [
        ("desk@desk.example.com", "own_mail"),
        ("Desk <DESK@desk.example.com>", "own_mail"),
        ("MAILER-DAEMON@example.com", "bounce"),
        ("postmaster@example.com", "bounce"),
        ("noreply@example.com", "auto_reply"),
        ("no-reply@example.com", "auto_reply"),
        ("norbert@example.com", ""),
    ],
)
def test_by_the_sender(sender: str, reason: str) -> None:
    assert judge(compose(sender=sender)) == reason


@pytest.mark.parametrize(
    "subject",
    ["自动回复：没有到账", "Automatic reply: x", "Auto-Reply", "Out of Office: x", "系统退信/退信"],
)
def test_by_what_answering_machines_begin_with(subject: str) -> None:
    assert judge(compose(subject=subject)) == "auto_reply"
    assert judge(wire(f"From: a@example.com\nSubject: {word(subject, 'GB2312')}\n\nx")) != ""


@pytest.mark.parametrize("subject", ["Re: 自动充值没有到账", "autofill failed", "回复：没有到账"])
def test_people_may_speak_of_such_things(subject: str) -> None:
    assert judge(compose(subject=subject)) == ""


def test_a_report_of_delivery() -> None:
    raw = wire(
        """
From: relay@example.com
Content-Type: multipart/report; report-type=delivery-status; boundary=A

--A
Content-Type: text/plain

Your message could not be delivered.
--A
Content-Type: message/delivery-status

Final-Recipient: rfc822; zhao@example.com
--A--
"""
    )
    assert judge(raw) == "bounce"


def test_nobody_wrote_it() -> None:
    assert judge(wire("Subject: x\n\nx")) == "no_sender"
