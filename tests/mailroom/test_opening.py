"""A mail with order number and last four characters opens a dispute, once."""

import pytest

from tests.mailroom.conftest import Deliver, letters_to
from tests.mailroom.post import FROM, compose, picture
from tests.stories import MINUTE, OPENING, Desk, events_of, live_kinds
from tickets.mailroom import answering
from tickets.models import Evidence, InboundMail, Message, Ticket

pytestmark = pytest.mark.django_db

CLAIM = "订单号LT202611240001，后四位1234，付款成功，一直没有到账"


def test_number_and_last_four_open_a_dispute_with_its_clocks(deliver: Deliver, order) -> None:
    mail = deliver(compose(CLAIM, sender="赵磊 <Zhao@Example.com>"))
    ticket = Ticket.objects.get()
    assert (mail.state, mail.ticket) == ("opened", ticket)
    assert (ticket.order, ticket.intake, ticket.category) == (order, "email", "non_arrival")
    assert (ticket.contact_email, ticket.contact_name) == (FROM, "赵磊")
    assert Message.objects.get(ticket=ticket).body == CLAIM
    assert {"first_reply", "agent_resolution", "referral"} <= live_kinds(ticket)
    assert letters_to(FROM)[0].subject == f"您的申诉单 {ticket.number} 已收到"


def test_its_pictures_are_proof_and_start_the_promise(deliver: Deliver, order, tmp_path) -> None:
    files = [("付款截图.jpg", picture(tmp_path / "a.jpg"), "image/jpeg")]
    deliver(compose(CLAIM, files=files), now=OPENING)
    ticket, file = Ticket.objects.get(), Evidence.objects.get()
    assert (file.ticket, file.kind, file.filename) == (
        ticket,
        "payment_screenshot",
        "付款截图.jpg",
    )
    assert file.preview
    assert ticket.commitment_started_at == OPENING
    assert len(events_of(ticket, "evidence_added")) == 1


def test_the_same_mail_again_changes_nothing(deliver: Deliver, order) -> None:
    raw = compose(CLAIM)
    first = deliver(raw)
    again = deliver(b"Received: by another way\r\n" + raw, now=OPENING + MINUTE)
    assert again == first
    assert InboundMail.objects.count() == Ticket.objects.count() == 1
    assert len(events_of(Ticket.objects.get(), "opened")) == 1


def test_a_second_mail_adds_to_the_one_dispute_of_the_order(deliver: Deliver, order) -> None:
    deliver(compose(CLAIM))
    second = deliver(compose(f"还是没有。{CLAIM}", message_id="<2@example.com>"))
    ticket = Ticket.objects.get()
    assert (second.state, second.ticket) == ("added", ticket)
    assert len(events_of(ticket, "facts_added")) == 1


def test_a_worker_that_dies_before_it_noted_the_mail_adds_nothing_twice(
    deliver: Deliver, order, tmp_path, monkeypatch
) -> None:
    """The dispute is committed; the note on the mail is not; another worker begins again."""
    from tickets.mailroom import acting

    class PowerCutError(BaseException): ...

    def cut(*args, **kwargs):
        raise PowerCutError

    raw = compose(CLAIM, files=[("a.jpg", picture(tmp_path / "a.jpg"), "image/jpeg")])
    with monkeypatch.context() as power:
        power.setattr(acting, "note_handled", cut)
        with pytest.raises(PowerCutError):
            deliver(raw)
    ticket = Ticket.objects.get()
    assert InboundMail.objects.get().state == "received"
    events = [event.kind for event in events_of(ticket)]
    mail = deliver(raw, now=OPENING + 3 * MINUTE)
    assert (mail.state, mail.ticket) == ("opened", ticket)
    assert [event.kind for event in events_of(ticket)] == events
    assert Evidence.objects.count() == 1


def test_order_number_in_the_subject_and_the_whole_account_in_the_text(
    deliver: Deliver, order
) -> None:
    mail = deliver(compose("充到13800001234，没有到账", subject="LT202611240001 没有到账"))
    assert mail.state == "opened"


def test_a_card_code_is_disputed_as_one(deliver: Deliver, order) -> None:
    order.target_account = ""
    order.save()
    deliver(compose("LT202611240001 后四位5678 卡密用不了"))
    assert Ticket.objects.get().category == "card_code"


def test_words_of_two_mails_long_are_shortened_and_kept_whole(deliver: Deliver, order) -> None:
    mail = deliver(compose(CLAIM + "。" * 5000))
    words = Message.objects.get(ticket=Ticket.objects.get()).body
    assert len(words) <= 2000
    assert words.endswith("［已截短，原邮件完整保存］")
    assert len(mail.body) > 5000


@pytest.mark.parametrize(
    "text",
    [
        "没有到账，快退钱",
        "订单号LT202611240001",
        "订单号LT202611240001 后四位9999",
        "订单号LT999999999999 后四位1234",
        "后四位1234",
    ],
)
def test_unknown_order_and_wrong_characters_get_the_same_question(
    deliver: Deliver, order, text: str
) -> None:
    mail = deliver(compose(text))
    assert (mail.state, mail.reason) == ("asked", "no_order")
    assert Ticket.objects.count() == 0
    (letter,) = letters_to(FROM)
    assert letter.subject == "请提供您的订单号"
    assert "LT2026" not in letter.body


def test_the_question_is_the_same_word_for_word(deliver: Deliver, order) -> None:
    deliver(compose("订单号LT202611240001 后四位9999", sender="a@example.com"))
    deliver(compose("没有", sender="b@example.com", message_id="<2@example.com>"))
    (one,), (other,) = letters_to("a@example.com"), letters_to("b@example.com")
    assert (one.subject, one.body) == (other.subject, other.body)


def test_a_stranger_is_answered_once_a_day(deliver: Deliver, order) -> None:
    for number in range(5):
        deliver(compose(message_id=f"<{number}@example.com>"), now=OPENING + number * MINUTE)
    assert len(letters_to(FROM, now=OPENING + 10 * MINUTE)) == 1
    assert set(InboundMail.objects.values_list("state", flat=True)) == {"asked"}
    deliver(compose(message_id="<next@example.com>"), now=OPENING + 24 * 60 * MINUTE)
    assert len(letters_to(FROM, now=OPENING + 25 * 60 * MINUTE)) == 2


def test_the_world_is_not_written_to_for_those_who_forge_its_names(
    deliver: Deliver, order, monkeypatch
) -> None:
    monkeypatch.setattr(answering, "ANSWERS_PER_HOUR", 3)
    for number in range(5):
        deliver(compose(sender=f"p{number}@example.com", message_id=f"<{number}@example.com>"))
    assert sum(len(letters_to(f"p{n}@example.com")) for n in range(5)) == 3
    deliver(
        compose(sender="p9@example.com", message_id="<9@example.com>"), now=OPENING + 61 * MINUTE
    )
    assert len(letters_to("p9@example.com", now=OPENING + 61 * MINUTE)) == 1


def test_guesses_are_counted_as_on_the_page(deliver: Deliver, order) -> None:
    """Ten wrong ones, and the right one helps no more for this hour."""
    for number in range(4):
        guesses = " ".join(f"{number}{n}77" for n in range(3))
        deliver(
            compose(
                f"LT202611240001 {guesses}",
                sender=f"thief{number}@example.com",
                message_id=f"<{number}@example.com>",
            )
        )
    right = deliver(compose(CLAIM, message_id="<right@example.com>"))
    assert right.state == "asked"
    later = deliver(compose(CLAIM, message_id="<later@example.com>"), now=OPENING + 61 * MINUTE)
    assert later.state == "opened"


def test_in_english_for_who_writes_english(deliver: Deliver, desk: Desk, order) -> None:
    deliver(compose("Nothing arrived", subject="Help"))
    assert letters_to(FROM)[0].subject == "Please send us your order number"
    deliver(compose("LT202611240001, last four 1234", subject="x", message_id="<2@example.com>"))
    assert Ticket.objects.get().language == "en"
