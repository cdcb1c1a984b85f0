"""Messages leave once per reason: claimed, leased, sent outside any transaction, tried again."""

from datetime import datetime

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.locmem import EmailBackend as LocmemBackend

from tests.stories import MINUTE, OPENING, SECOND, TICK, Desk, acting, make_order
from tickets.actors import Actor
from tickets.cases import open_case
from tickets.intake import Contact
from tickets.models import Event, Notice
from tickets.notices import (
    RETRY_WAITS,
    claim_notices,
    notify_customer,
    notify_supervisors,
    send_due_notices,
)

pytestmark = pytest.mark.django_db


class Postbox:
    """A mail server whose mood the test decides."""

    refuse_with: Exception | None = None
    #: Runs while the next message is being handed over.
    meanwhile = None


class MoodyBackend(BaseEmailBackend):
    def send_messages(self, messages):
        meanwhile, Postbox.meanwhile = Postbox.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        if Postbox.refuse_with is not None:
            raise Postbox.refuse_with
        return LocmemBackend().send_messages(messages)


@pytest.fixture
def postbox(settings):
    settings.EMAIL_BACKEND = f"{__name__}.MoodyBackend"
    Postbox.refuse_with = Postbox.meanwhile = None
    mail.outbox = []
    yield Postbox
    Postbox.refuse_with = Postbox.meanwhile = None


def send(now: datetime) -> int:
    return send_due_notices(clock=lambda: now)


def subjects_to(address: str) -> int:
    return sum(address in message.to for message in mail.outbox)


def test_a_letter_goes_out_once_and_is_kept_as_sent(desk: Desk, postbox) -> None:
    ticket = desk.open(proof=[], contact=Contact(email="zhao@example.com"))
    count = Notice.objects.count()
    assert send(OPENING) == count
    assert send(OPENING + MINUTE) == 0
    assert subjects_to("zhao@example.com") == 2
    sent = Notice.objects.get(ticket=ticket, kind="opened")
    assert (sent.state, sent.sent_at, sent.attempts) == ("sent", OPENING, 1)
    assert sent.recipient == "zhao@example.com"
    assert ticket.number in sent.subject + sent.body


def test_the_address_of_the_dispute_before_that_of_the_order(desk: Desk, postbox) -> None:
    desk.open(make_order(customer_email="order@example.com"), proof=[])
    desk.open(
        make_order(customer_email="order@example.com"),
        proof=[],
        contact=Contact(email="dispute@example.com"),
    )
    send(OPENING)
    assert (subjects_to("order@example.com"), subjects_to("dispute@example.com")) == (2, 2)


def test_without_an_address_the_words_are_still_made(desk: Desk, postbox) -> None:
    ticket = desk.open(make_order(customer_email=""), proof=[])
    send(OPENING)
    notice = Notice.objects.get(ticket=ticket, kind="opened")
    assert (notice.state, notice.recipient) == ("no_address", "")
    assert notice.body
    assert mail.outbox == []


@pytest.mark.parametrize("error", [OSError("connection refused"), ConnectionResetError()])
def test_a_server_that_is_away_is_tried_again_later_and_later(
    desk: Desk, postbox, error: Exception
) -> None:
    desk.open(proof=[])
    postbox.refuse_with = error
    now, waits = OPENING, []
    for _attempt in range(len(RETRY_WAITS)):
        assert send(now) == 2
        again_at = Notice.objects.filter(state="pending").latest("pk").not_before
        waits.append(again_at - now)
        assert send(again_at - TICK) == 0
        now = again_at
    assert waits == RETRY_WAITS
    postbox.refuse_with = None
    assert send(now) == 2
    assert {n.state for n in Notice.objects.all()} == {"sent"}


def test_in_the_end_it_is_given_up_and_says_why(desk: Desk, postbox) -> None:
    desk.open(proof=[])
    postbox.refuse_with = OSError("connection refused")
    now = OPENING
    for wait in [*RETRY_WAITS, SECOND]:
        send(now)
        now += wait
    notice = Notice.objects.latest("pk")
    assert (notice.state, notice.attempts) == ("failed", len(RETRY_WAITS) + 1)
    assert "connection refused" in notice.last_error


def test_one_that_cannot_be_written_does_not_hold_up_the_others(desk: Desk, postbox) -> None:
    """The words of one message are missing; everybody behind it still gets theirs."""
    ticket = desk.open(proof=[])
    Notice.objects.create(
        ticket=ticket,
        audience="customer",
        kind="no_such_words",
        key="first in the queue",
        created_at=OPENING - MINUTE,
        not_before=OPENING - MINUTE,
    )
    send(OPENING)
    broken = Notice.objects.get(kind="no_such_words")
    assert (broken.state, broken.attempts) == ("pending", 1)
    assert "TemplateDoesNotExist" in broken.last_error
    assert not Notice.objects.exclude(pk=broken.pk).exclude(state="sent").exists()


def test_a_claim_is_a_lease(desk: Desk, postbox) -> None:
    desk.open(proof=[])
    assert len(claim_notices(now=OPENING)) == 2
    assert claim_notices(now=OPENING + 60 * SECOND - TICK) == []
    assert len(claim_notices(now=OPENING + 60 * SECOND)) == 2, "its worker died"


def test_a_slow_server_makes_nobody_read_it_twice(desk: Desk, postbox) -> None:
    """Two minutes go by while the first letter is handed over; another worker comes round."""
    desk.open(proof=[], contact=Contact(email="zhao@example.com"))
    now = OPENING

    def clock() -> datetime:
        return now

    def another_worker_comes_round() -> None:
        nonlocal now
        now = OPENING + 2 * MINUTE
        send_due_notices(clock=clock)

    postbox.meanwhile = another_worker_comes_round
    send_due_notices(clock=clock)
    kinds = Notice.objects.filter(state="sent").values_list("kind", flat=True)
    assert sorted(kinds) == ["opened", "proof_incomplete"]
    # The letter in hand may go out twice (at least once is the promise), the one behind it not.
    assert subjects_to("zhao@example.com") <= 3
    behind = Notice.objects.get(kind="proof_incomplete")
    assert sum(behind.subject == m.subject for m in mail.outbox) == 1


def test_one_reason_is_one_message_however_often_it_is_looked_at(
    desk: Desk, supervisor_wang
) -> None:
    ticket = desk.open()
    before = Notice.objects.count()
    for _time in range(2):
        with open_case(ticket_id=ticket.pk, actor=Actor.system(), now=OPENING) as case:
            notify_customer(case, "replied")
            notify_supervisors(case, "nudged")
    assert Notice.objects.count() == before + 3
    with open_case(ticket_id=ticket.pk, actor=acting(supervisor_wang), now=OPENING) as case:
        case.record(Event.Kind.NOTED)
        notify_customer(case, "replied")
    assert Notice.objects.count() == before + 4


def test_what_is_rolled_back_tells_nobody(desk: Desk) -> None:
    ticket = desk.open()
    before = Notice.objects.count()

    class ChangedMyMindError(Exception): ...

    def decide_and_regret() -> None:
        with open_case(ticket_id=ticket.pk, actor=Actor.system(), now=OPENING) as case:
            notify_customer(case, "replied")
            raise ChangedMyMindError

    with pytest.raises(ChangedMyMindError):
        decide_and_regret()
    assert Notice.objects.count() == before
