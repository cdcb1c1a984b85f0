"""A mail about a dispute: whose words it may add, and what a stranger's is worth."""

from email.utils import getaddresses

import pytest

from orders.models import Order
from tests.mailroom.conftest import Deliver, letters_to
from tests.mailroom.post import compose, picture
from tests.stories import CUSTOMER, MINUTE, OPENING, Desk, events_of, told
from tickets.evidence import verify_evidence
from tickets.intake import Contact
from tickets.mailroom.letters import read_letter
from tickets.models import Evidence, Message, Notice, Ticket
from tickets.transitions import request_evidence, withdraw

pytestmark = pytest.mark.django_db

ZHAO = "zhao@example.com"


@pytest.fixture
def ticket(desk: Desk, order: Order) -> Ticket:
    return desk.open(order, proof=[], contact=Contact(name="赵磊", email="Zhao@Example.com"))


def about(ticket: Ticket, text: str = "还是没有到账", **more: object) -> bytes:
    return compose(text, subject=f"Re: 您的申诉单 {ticket.number} 已收到", **more)  # type: ignore[arg-type]


def test_the_customers_answer_is_a_reply(deliver: Deliver, desk: Desk, ticket: Ticket) -> None:
    mail = deliver(about(ticket, "还是没有到账\n\n在 2026-11-24，申诉台写道：\n> 您的申诉单"))
    assert (mail.state, mail.ticket) == ("added", ticket)
    said = Message.objects.filter(ticket=ticket).latest("pk")
    assert (said.author, said.body, said.internal) == ("customer", "还是没有到账", False)
    event = events_of(ticket, "replied")[-1]
    assert (event.actor, event.data["mail"], event.data["sha256"]) == (
        "customer",
        mail.pk,
        mail.sha256,
    )
    assert "customer_replied" in told(ticket, "staff")
    assert "> 您的申诉单" in mail.body
    assert verify_evidence(ticket=ticket) == []


def test_it_ends_our_waiting_and_its_file_is_what_was_asked_for(
    deliver: Deliver, desk: Desk, ticket: Ticket, lin, tmp_path
) -> None:
    request_evidence(
        ticket_id=ticket.pk, kinds=["operator_record"], text="请补充", actor=lin, now=OPENING
    )
    files = [("a.jpg", picture(tmp_path / "a.jpg"), "image/jpeg")]
    deliver(about(ticket, files=files), now=OPENING + MINUTE)
    assert desk.tell(ticket).status == "in_progress"
    assert Evidence.objects.get(ticket=ticket).kind == "operator_record"


def test_a_file_alone_completes_the_proof_and_starts_the_promise(
    deliver: Deliver, desk: Desk, ticket: Ticket, tmp_path
) -> None:
    files = [("IMG_1.jpg", picture(tmp_path / "a.jpg"), "image/jpeg")]
    mail = deliver(about(ticket, " ", files=files), now=OPENING + MINUTE)
    assert mail.state == "added"
    assert desk.tell(ticket).commitment_started_at == OPENING + MINUTE
    assert events_of(ticket, "replied") == []


def test_by_the_ids_of_our_own_mails_whatever_the_subject(
    deliver: Deliver, desk: Desk, ticket: Ticket
) -> None:
    (ours, *_more) = letters_to("Zhao@Example.com")
    sent = read_letter(ours.message().as_bytes())
    for number, header in enumerate(("In-Reply-To", "References")):
        raw = f"{header}: <other@x> {sent.message_id}\r\n".encode() + compose(
            f"回复{number}", subject="钱呢", message_id=f"<{number}@example.com>"
        )
        assert deliver(raw).ticket == ticket


def test_our_mails_say_where_to_answer_and_that_a_machine_wrote_them(
    desk: Desk, ticket: Ticket, settings
) -> None:
    message = letters_to("Zhao@Example.com")[0].message()
    assert getaddresses([message["Reply-To"]])[0][1] == settings.IMAP_ADDRESS
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Loop"] == settings.DEFAULT_FROM_EMAIL


def test_a_notice_that_leaves_twice_is_one_mail_to_its_reader(desk: Desk, ticket: Ticket) -> None:
    first = letters_to("Zhao@Example.com")[0].message()
    Notice.objects.filter(ticket=ticket).update(state="pending", not_before=OPENING)
    again = letters_to("Zhao@Example.com")[-2].message()
    assert first["Message-ID"] == again["Message-ID"]
    assert first["References"] == again["References"] != first["Message-ID"]


def test_ids_that_somebody_made_up_lead_nowhere(
    deliver: Deliver, desk: Desk, ticket: Ticket, settings
) -> None:
    forged = f"<{ticket.uuid.hex}.root.{'0' * 24}@desk.example.com>"
    mail = deliver(f"In-Reply-To: {forged}\r\n".encode() + compose(subject="x"))
    assert (mail.state, mail.ticket) == ("asked", None)


def test_ids_from_before_the_secret_key_was_changed_still_lead_home(
    deliver: Deliver, desk: Desk, ticket: Ticket, settings
) -> None:
    ours = read_letter(letters_to("Zhao@Example.com")[0].message().as_bytes())
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another one, and long enough for every check there is 0123456789"
    raw = f"In-Reply-To: {ours.message_id}\r\n".encode() + compose(subject="x")
    assert deliver(raw).ticket == ticket


def test_the_orders_address_counts_where_the_dispute_has_none(
    deliver: Deliver, desk: Desk, order: Order
) -> None:
    ticket = desk.open(order, proof=[])
    assert deliver(about(ticket, sender="zhao.lei@example.com")).state == "added"


def test_another_address_is_kept_for_a_person_and_says_so(
    deliver: Deliver, desk: Desk, ticket: Ticket, tmp_path
) -> None:
    files = [("a.jpg", picture(tmp_path / "a.jpg"), "image/jpeg")]
    before = len(events_of(ticket, "replied"))
    mail = deliver(about(ticket, "我是赵磊，请撤销", sender="thief@example.net", files=files))
    assert (mail.state, mail.reason, mail.ticket) == ("kept", "other_address", ticket)
    assert len(events_of(ticket, "replied")) == before
    assert not Evidence.objects.filter(ticket=ticket).exists()
    note = Message.objects.filter(ticket=ticket).latest("pk")
    assert (note.internal, note.author) == (True, "system")
    assert "t****@example.net" in note.body
    assert "请撤销" in note.body
    assert "mail_kept_staff" in told(ticket, "staff")
    (letter,) = letters_to("thief@example.net")
    assert letter.subject == "我们已收到您的邮件，将由人工查看"
    assert ticket.number not in letter.body
    assert ticket.tracking_token not in letter.body


def test_another_address_with_number_and_last_four_adds_its_facts(
    deliver: Deliver, desk: Desk, ticket: Ticket
) -> None:
    mail = deliver(about(ticket, "LT202611240001 后四位1234 换了邮箱", sender="new@example.net"))
    assert (mail.state, mail.ticket) == ("added", ticket)
    assert desk.tell(ticket).contact_email == "Zhao@Example.com"
    assert len(events_of(ticket, "facts_added")) == 1


def test_when_it_is_over_a_mail_is_shown_to_staff_and_the_customer_told_how(
    deliver: Deliver, desk: Desk, ticket: Ticket
) -> None:
    withdraw(ticket_id=ticket.pk, reason="到账了", actor=CUSTOMER, now=OPENING)
    mail = deliver(about(ticket))
    assert (mail.state, mail.reason) == ("kept", "dispute_over")
    assert told(ticket)[-1] == "mail_after_the_end"
    assert desk.tell(ticket).status == "withdrawn"
    assert f"/t/{ticket.tracking_token}/" in letters_to("Zhao@Example.com")[-1].body


def test_files_that_cannot_be_used_are_named_with_the_reason(
    deliver: Deliver, desk: Desk, ticket: Ticket, tmp_path
) -> None:
    files = [
        ("好的.jpg", picture(tmp_path / "a.jpg"), "image/jpeg"),
        ("账单.docx", b"PK\x03\x04 no picture", "application/msword"),
        ("病毒.jpg", b"MZ no picture", "image/jpeg"),
        ("半张.jpg", picture(tmp_path / "b.jpg", colour="red")[:500], "image/jpeg"),
    ]
    mail = deliver(about(ticket, files=files))
    assert mail.state == "added"
    assert [file.filename for file in Evidence.objects.filter(ticket=ticket)] == ["好的.jpg"]
    body = letters_to("Zhao@Example.com")[-1].body
    for name in ("账单.docx", "病毒.jpg", "半张.jpg"):
        assert f"- {name}: " in body.replace("：", ": ")
    assert "JPG" in body
    assert "好的.jpg" not in body


def test_the_ninth_file_is_the_last(deliver: Deliver, desk: Desk, order: Order, tmp_path) -> None:
    ticket = desk.open(order, proof=["other"] * 7, contact=Contact(email=ZHAO))
    files = [
        (f"{n}.jpg", picture(tmp_path / f"{n}.jpg", side=64 + n), "image/jpeg") for n in range(4)
    ]
    assert deliver(about(ticket, files=files)).state == "added"
    assert Evidence.objects.filter(ticket=ticket).count() == 9
    body = letters_to(ZHAO)[-1].body
    assert body.count("9 个文件") == 2


def test_the_picture_in_a_signature_is_no_proof(
    deliver: Deliver, desk: Desk, ticket: Ticket
) -> None:
    logo = (
        b"Content-Type: image/png\r\nContent-ID: <logo>\r\nContent-Disposition: inline\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n"
    )
    raw = (
        (
            f"From: {ZHAO}\r\nSubject: {ticket.number}\r\nMessage-ID: <l@x>\r\n"
            "Content-Type: multipart/related; boundary=A\r\n\r\n--A\r\n"
            "Content-Type: text/html; charset=utf-8\r\n\r\n<p>没有到账</p>\r\n--A\r\n"
        ).encode()
        + logo
        + b"--A--\r\n"
    )
    assert deliver(raw).state == "added"
    assert not Evidence.objects.exists()
    assert "mail_files_refused" not in told(ticket)


def test_a_mail_that_says_nothing_is_noted_and_no_more(
    deliver: Deliver, desk: Desk, ticket: Ticket
) -> None:
    events = len(events_of(ticket))
    mail = deliver(about(ticket, " "))
    assert (mail.state, mail.reason) == ("ignored", "empty")
    assert len(events_of(ticket)) == events
