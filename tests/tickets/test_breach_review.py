"""Reviewing a missed deadline: what happened, whose fault, what changes; signed by another."""

import pytest

from tests.stories import Desk, acting, at, make_person
from tickets.breaches import UnableToReview, review_breach
from tickets.cases import NotAllowed
from tickets.models import Breach
from tickets.transitions import assign_ticket, escalate, reply

pytestmark = pytest.mark.django_db

NOW = at("16:00")


def review(breach: Breach, reviewer, **changes):
    values = {
        "cause_code": "overload",
        "responsible_party": "us",
        "corrective_action": "晚班加一人",
        "reviewer": reviewer,
        "now": NOW,
        **changes,
    }
    return review_breach(breach_id=breach.pk, **values)


@pytest.fixture
def missed(desk: Desk) -> Breach:
    ticket = desk.open()
    desk.advance(at("10:30"))
    return Breach.objects.get(ticket=ticket)


def test_it_is_signed(missed: Breach, supervisor_wang) -> None:
    review(missed, supervisor_wang, corrective_action="  晚班加一人 ")
    missed.refresh_from_db()
    assert (missed.reviewed_by, missed.reviewed_at) == (supervisor_wang, NOW)
    assert (missed.cause_code, missed.responsible_party) == ("overload", "us")
    assert missed.corrective_action == "晚班加一人"


def test_once(missed: Breach, supervisor_wang, supervisor_zhao) -> None:
    review(missed, supervisor_wang)
    with pytest.raises(UnableToReview) as refusal:
        review(missed, supervisor_zhao, cause_code="other")
    assert refusal.value.http_status == 409
    missed.refresh_from_db()
    assert missed.cause_code == "overload"


def test_by_a_supervisor(missed: Breach, agent_chen, supervisor_wang) -> None:
    with pytest.raises(NotAllowed):
        review(missed, agent_chen)
    review(missed, supervisor_wang)


def test_an_admin_may(missed: Breach, admin) -> None:
    review(missed, admin)


def test_not_by_whoever_handled_it_before(desk: Desk, supervisor_wang, supervisor_zhao) -> None:
    ticket = desk.open()
    reply(ticket_id=ticket.pk, text="您好", actor=acting(supervisor_wang), now=at("10:31"))
    breach = Breach.objects.get(ticket=ticket)
    with pytest.raises(NotAllowed) as refusal:
        review(breach, supervisor_wang)
    assert refusal.value.code == "handler"
    review(breach, supervisor_zhao)


def test_nor_by_its_owner_though_he_never_touched_it(
    desk: Desk, lin, missed: Breach, supervisor_wang
) -> None:
    assign_ticket(ticket_id=missed.ticket_id, assignee=supervisor_wang, actor=lin, now=at("10:40"))
    with pytest.raises(NotAllowed):
        review(missed, supervisor_wang)


def test_who_took_it_over_afterwards_may(
    desk: Desk, missed: Breach, agent_lin, supervisor_wang
) -> None:
    wang = acting(supervisor_wang)
    assign_ticket(ticket_id=missed.ticket_id, assignee=agent_lin, actor=wang, now=at("10:40"))
    review(missed, supervisor_wang)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"cause_code": "laziness"}, "cause_code"),
        ({"cause_code": ""}, "cause_code"),
        ({"responsible_party": "nobody"}, "responsible_party"),
        ({"corrective_action": "  "}, "corrective_action"),
        ({"corrective_action": "长" * 2001}, "2000"),
    ],
)
def test_it_says_enough_or_names_what_is_missing(
    missed: Breach, supervisor_wang, changes: dict[str, str], names: str
) -> None:
    with pytest.raises(UnableToReview, match=names):
        review(missed, supervisor_wang, **changes)
    missed.refresh_from_db()
    assert missed.reviewed_at is None


def test_every_missed_deadline_has_one_of_its_own(desk: Desk) -> None:
    ticket = desk.open()
    escalate(ticket_id=ticket.pk, reason="x", actor=acting(desk.people["lin"]), now=at("13:00"))
    desk.advance(at("20:00"))
    kinds = list(Breach.objects.order_by("kind").values_list("kind", flat=True))
    assert kinds == ["agent_resolution", "first_reply", "supervisor_resolution"]
    make_person("song", "supervisor")
