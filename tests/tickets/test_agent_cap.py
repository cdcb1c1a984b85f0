"""What one agent may give back in a day before somebody else has to agree."""

import pytest

from tests.stories import Desk, at, make_order, set_policy
from tickets.models import Approval
from tickets.policies import replace_policy
from tickets.policy import DEFAULT_POLICY
from tickets.policy_reader import InvalidPolicy
from tickets.remedies import refund
from tickets.transitions import approve

pytestmark = pytest.mark.django_db

CAP = 20_000


@pytest.fixture
def capped(desk: Desk) -> Desk:
    set_policy(agent_refund_fen_per_day=CAP)
    return desk


def give_back(desk: Desk, actor, amount_fen: int) -> str:
    """Somebody else's order each time; what became of the wish."""
    ticket = desk.open(make_order(price_fen=amount_fen, created_at=desk.now))
    refund(
        ticket_id=ticket.pk, amount_fen=None, reason="未到账", text="", actor=actor, now=desk.now
    )
    return "asked" if Approval.objects.filter(ticket=ticket).exists() else "sent"


def test_the_last_fen_and_one_more(capped: Desk, lin) -> None:
    assert give_back(capped, lin, CAP - 1) == "sent"
    assert give_back(capped, lin, 2) == "asked"
    assert give_back(capped, lin, 1) == "sent"
    assert give_back(capped, lin, 1) == "asked"


def test_one_agents_day_is_not_anothers(capped: Desk, lin, agent_chen) -> None:
    from tests.stories import acting

    assert give_back(capped, lin, CAP) == "sent"
    assert give_back(capped, acting(agent_chen), CAP) == "sent"


def test_a_supervisor_has_no_cap(capped: Desk, wang) -> None:
    assert give_back(capped, wang, CAP) == "sent"
    assert give_back(capped, wang, CAP) == "sent"


def test_tomorrow_is_another_day(capped: Desk, lin) -> None:
    assert give_back(capped, lin, CAP) == "sent"
    capped.now = at("11-25 12:00")
    assert give_back(capped, lin, CAP) == "sent"


def test_what_was_asked_uses_nothing_up_and_is_paid_once_approved(capped: Desk, lin, wang) -> None:
    ticket = capped.open(make_order(price_fen=CAP + 1, created_at=capped.now))
    refund(
        ticket_id=ticket.pk, amount_fen=None, reason="未到账", text="", actor=lin, now=capped.now
    )
    approve(ticket_id=ticket.pk, decision=True, reason="属实", actor=wang, now=capped.now)
    (released,) = capped.refunds(ticket)
    assert released.state == "requested"
    assert give_back(capped, lin, CAP) == "sent"


def test_without_a_cap_there_is_none(desk: Desk, lin) -> None:
    assert DEFAULT_POLICY.agent_refund_fen_per_day is None
    for _refund in range(4):
        assert give_back(desk, lin, CAP) == "sent"


@pytest.mark.parametrize("value", [-1, 1.5, "100", True])
def test_a_cap_is_whole_fen_or_none(desk: Desk, value) -> None:
    body = {**DEFAULT_POLICY.to_json(), "agent_refund_fen_per_day": value}
    with pytest.raises(InvalidPolicy) as refusal:
        replace_policy(code="default", body=body, actor_label="system", now=desk.now)
    assert [error.field for error in refusal.value.errors] == ["agent_refund_fen_per_day"]
