"""One closure in twenty is looked at again: drawn by a fixed rule, by somebody else."""

from datetime import date

import pytest

from tests.stories import HOUR, MINUTE, OPENING, Desk, acting, at, make_order
from tickets import transitions
from tickets.cases import NotAllowed
from tickets.closures import (
    UnableToReviewClosure,
    draw_closures,
    fraction,
    pick,
    review_closure,
    weigh,
)
from tickets.models import ClosureReview, Ticket

pytestmark = pytest.mark.django_db

NEXT_DAY = at("11-25 00:10")


def finish(desk: Desk, ticket: Ticket, now) -> Ticket:
    """Lin takes it, and it is over at ``now``, however it ended."""
    lin = acting(desk.people["lin"])
    transitions.assign_ticket(ticket_id=ticket.pk, assignee=desk.people["lin"], actor=lin, now=now)
    Ticket.objects.filter(pk=ticket.pk).update(status="resolved", outcome="corrected")
    Ticket.objects.filter(pk=ticket.pk).update(resolved_at=now)
    return desk.tell(ticket)


def resolve_many(desk: Desk, count: int, **order) -> list[Ticket]:
    return [finish(desk, desk.open(make_order(**order)), OPENING + MINUTE) for _ in range(count)]


@pytest.mark.parametrize(("closures", "drawn"), [(0, 0), (1, 1), (20, 1), (21, 2)])
def test_a_twentieth_rounded_up(desk: Desk, closures: int, drawn: int):
    resolve_many(desk, closures)
    assert draw_closures(now=NEXT_DAY) == drawn
    assert set(ClosureReview.objects.values_list("drawn_of", "day")) <= {
        (closures, date(2026, 11, 24))
    }


def test_a_day_is_drawn_once_and_not_before_it_is_over(desk: Desk):
    resolve_many(desk, 3)
    assert draw_closures(now=at("23:59")) == 0
    assert draw_closures(now=at("11-25 00:00")) == 1
    first = ClosureReview.objects.get()
    assert draw_closures(now=NEXT_DAY) == 0
    assert ClosureReview.objects.get() == first


def test_the_same_disputes_are_drawn_whoever_draws(desk: Desk):
    tickets = resolve_many(desk, 25)
    day = date(2026, 11, 24)
    drawn = {one[0].pk for one in pick(weigh(tickets), day)}
    assert drawn == {one[0].pk for one in pick(weigh(tickets[::-1]), day)}
    # Every buyer is another one and nothing was paused: the fractions alone decide.
    by_hand = sorted(tickets, key=lambda t: fraction(t, day), reverse=True)[:2]
    assert drawn == {t.pk for t in by_hand}


def test_drills_and_what_was_reopened_are_left_out(desk: Desk):
    drill, again = resolve_many(desk, 2)
    Ticket.objects.filter(pk=drill.pk).update(is_drill=True)
    Ticket.objects.filter(pk=again.pk).update(resolved_at=None, status="in_progress")
    assert draw_closures(now=NEXT_DAY) == 0


def test_a_pause_shortly_before_a_deadline_weighs_more(desk: Desk):
    early, late = desk.open(), desk.open()
    lin = acting(desk.people["lin"])
    for ticket, asked_at in ((early, OPENING + HOUR), (late, OPENING + 100 * MINUTE)):
        transitions.request_evidence(
            ticket_id=ticket.pk, kinds=["chat_log"], text="请补充", actor=lin, now=asked_at
        )
    # The agents' two hours: an hour was left of the one, twenty minutes of the other.
    assert [(t.pk, was_late) for t, was_late, _pair in weigh([early, late])] == [
        (early.pk, False),
        (late.pk, True),
    ]
    transitions.reply(
        ticket_id=late.pk, text="在这里", actor=lin.customer(), now=OPENING + 3 * HOUR
    )
    assert [was_late for _t, was_late, _pair in weigh([early, late])] == [False, True]


def test_an_agent_who_meets_the_same_buyer_again_and_again_weighs_more(desk: Desk):
    twice = resolve_many(desk, 2, buyer_ref="buyer-two")
    thrice = resolve_many(desk, 3, buyer_ref="buyer-three")
    nobody = resolve_many(desk, 4, buyer_ref="")
    pairs = {t.pk for t, _late, pair in weigh([*twice, *thrice, *nobody]) if pair}
    assert pairs == {t.pk for t in thrice}


def test_a_supervisor_without_a_hand_in_it_reviews_and_nobody_else(desk: Desk):
    (ticket,) = resolve_many(desk, 1)
    draw_closures(now=NEXT_DAY)
    review = ClosureReview.objects.get()
    wang, zhao, lin = (desk.people[name] for name in ("wang", "zhao", "lin"))
    how = {"review_id": review.pk, "verdict": "sound", "findings": "查过聊天记录", "now": NEXT_DAY}
    with pytest.raises(NotAllowed):
        review_closure(**how, reviewer=lin)
    transitions.reply(
        ticket_id=ticket.pk, text="记一下", actor=acting(wang), now=NEXT_DAY, internal=True
    )
    with pytest.raises(NotAllowed):
        review_closure(**how, reviewer=wang)
    for wrong in ({"verdict": "fine"}, {"findings": "  "}, {"findings": "x" * 2001}):
        with pytest.raises(UnableToReviewClosure):
            review_closure(**(how | wrong), reviewer=zhao)
    assert review_closure(**how, reviewer=zhao).reviewed_by == zhao
    with pytest.raises(UnableToReviewClosure):
        review_closure(**how, reviewer=zhao)
