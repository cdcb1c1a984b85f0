"""Five hundred alarms at once are a few letters and one summary; nothing of them is lost."""

from datetime import datetime, timedelta

import pytest
from django.core import mail

from tests.stories import MINUTE, OPENING, SECOND, TICK, Desk
from tickets.folding import SINGLES, URGENT_WAIT, WAIT, WINDOW
from tickets.models import Notice
from tickets.notices import claim_notices, send_due_notices

pytestmark = pytest.mark.django_db

ALARM, NEWS = "promise_broken_staff", "customer_replied"


@pytest.fixture
def ticket(desk: Desk):
    ticket = desk.open(proof=[])
    Notice.objects.all().delete()
    return ticket


def tell(desk, ticket, count: int, *, kind: str = ALARM, now: datetime = OPENING, to: str = "wang"):
    person = desk.people[to]
    return Notice.objects.bulk_create(
        Notice(
            ticket=ticket,
            audience="staff",
            user=person,
            kind=kind,
            key=f"{kind}:{to}:{now.isoformat()}:{number}",
            created_at=now,
            not_before=now,
        )
        for number in range(count)
    )


def send(now: datetime) -> int:
    return send_due_notices(clock=lambda: now)


def states() -> dict[str, int]:
    found: dict[str, int] = {}
    for state in Notice.objects.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


def digests() -> list[Notice]:
    return list(Notice.objects.filter(kind="digest_staff").order_by("pk"))


@pytest.mark.parametrize(("kind", "wait"), [(ALARM, URGENT_WAIT), (NEWS, WAIT)])
def test_an_outage_is_a_few_letters_and_one_summary(desk, ticket, kind, wait) -> None:
    tell(desk, ticket, 500, kind=kind)
    send(OPENING)
    assert len(mail.outbox) == SINGLES
    assert states() == {"sent": SINGLES, "folded": 500 - SINGLES, "pending": 1}
    assert send(OPENING + wait - TICK) == 0
    send(OPENING + wait)
    assert len(mail.outbox) == SINGLES + 1
    (digest,) = digests()
    assert digest.state == "sent"
    assert str(500 - SINGLES) in digest.subject
    assert digest.folded.count() == 500 - SINGLES
    assert digest.body.count(ticket.number) == 100, "the rest is counted"


def test_as_many_as_usual_are_letters_of_their_own(desk, ticket) -> None:
    tell(desk, ticket, SINGLES)
    send(OPENING)
    assert states() == {"sent": SINGLES}


def test_a_trickle_is_folded_like_a_flood(desk, ticket) -> None:
    """One a second: each tick of the relay sees but one."""
    for second in range(50):
        tell(desk, ticket, 1, now=OPENING + second * SECOND)
        send(OPENING + second * SECOND)
    assert len(mail.outbox) == SINGLES
    (digest,) = digests()
    assert digest.folded.count() == 50 - SINGLES
    send(OPENING + 2 * MINUTE)
    assert len(mail.outbox) == SINGLES + 1


def test_after_a_quiet_while_they_are_letters_again(desk, ticket) -> None:
    tell(desk, ticket, 8)
    send(OPENING)
    later = OPENING + WINDOW + URGENT_WAIT
    send(OPENING + URGENT_WAIT)
    tell(desk, ticket, 1, now=later)
    send(later)
    assert len(mail.outbox) == SINGLES + 2
    assert len(digests()) == 1


def test_kinds_and_people_are_counted_apart(desk, ticket) -> None:
    tell(desk, ticket, SINGLES)
    tell(desk, ticket, SINGLES, kind=NEWS)
    tell(desk, ticket, SINGLES, to="zhao")
    send(OPENING)
    assert states() == {"sent": 3 * SINGLES}


def test_a_summary_that_is_being_sent_takes_nothing_more(desk, ticket) -> None:
    """A worker holds the summary; another one, whose clock reads a little less, folds on."""
    tell(desk, ticket, 10)
    send(OPENING)
    (first,) = digests()
    assert [n.pk for n in claim_notices(now=OPENING + URGENT_WAIT)] == [first.pk]
    tell(desk, ticket, 3, now=OPENING + URGENT_WAIT - SECOND)
    send(OPENING + URGENT_WAIT - SECOND)
    assert first.folded.count() == 10 - SINGLES
    _first, second = digests()
    assert second.folded.count() == 3


def test_customers_letters_are_never_folded(desk, ticket) -> None:
    Notice.objects.bulk_create(
        Notice(
            ticket=ticket,
            audience="customer",
            kind="replied",
            key=f"c{number}",
            created_at=OPENING,
            not_before=OPENING,
        )
        for number in range(20)
    )
    send(OPENING)
    assert states() == {"sent": 20}


def test_what_is_tried_again_stays_itself(desk, ticket) -> None:
    told = tell(desk, ticket, 20)
    Notice.objects.filter(pk__in=[n.pk for n in told]).update(attempts=1)
    send(OPENING)
    assert states() == {"sent": 20}


def test_the_watchdog_does_not_take_a_folded_one_for_stuck(desk, ticket) -> None:
    tell(desk, ticket, 20)
    send(OPENING)
    send(OPENING + URGENT_WAIT)
    desk.now = OPENING + timedelta(hours=1)
    assert "stuck_outbox" not in desk.worries()
