"""The ways of a refund, each a function that goes it from wherever the database stands.

A worker goes it and dies on the way; then whoever is left goes the same way again: the agent whose
screen never answered presses once more, and what was left in flight is taken up by the sweeps.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orders.models import Payment, Refund, refund_number
from orders.refusals import Refused
from tests.stories import HOUR, MINUTE, OPENING, Desk, deadline_of
from tickets.actors import Actor
from tickets.models import Ticket
from tickets.remedies import refund
from tickets.transitions import approve

if TYPE_CHECKING:
    from tests.simulator_fixture import Simulator

BREAK_S = 0.02
#: A promise that begins at the opening is enforced 23 hours later and kept within 24.
ENFORCED = OPENING + 23 * HOUR


def agent_refunds(desk: Desk, ticket: Ticket, people: dict[str, Actor]) -> None:
    """The agent presses "refund"; what happens by itself follows."""
    if not desk.refunds(ticket, state=Refund.State.REJECTED):
        press_refund(desk, ticket, people)
    desk.advance(OPENING + 2 * HOUR)


def press_refund(desk: Desk, ticket: Ticket, people: dict[str, Actor]) -> None:
    # Refused: the first press had come through after all.
    with contextlib.suppress(Refused):
        refund(
            ticket_id=ticket.pk,
            amount_fen=None,
            reason="未到账",
            text="",
            actor=people["lin"],
            now=desk.now,
        )


def supervisor_approves(desk: Desk, ticket: Ticket, people: dict[str, Actor]) -> None:
    with contextlib.suppress(Refused):
        approve(
            ticket_id=ticket.pk,
            decision=True,
            reason="属实",
            actor=people["wang"],
            now=desk.now,
        )
    desk.advance(OPENING + 2 * HOUR)


def nobody_acts(desk: Desk, ticket: Ticket, people: dict[str, Actor]) -> None:
    """The promise falls due, and the desk keeps it by itself."""
    desk.advance(ENFORCED + HOUR - MINUTE)


Way = Callable[[Desk, Ticket, dict[str, Actor]], None]
Setting = Callable[["Simulator", Ticket], None]


@dataclass(frozen=True)
class Path:
    """``arm`` tells the simulator how to behave; ``ends`` is the ticket, the refunds by
    generation, and what really moved, in fen."""

    go: Way
    ends: tuple[str, str, list[str], list[int]]
    channel: str = "sandbox"
    arm: Setting = lambda simulator, ticket: None
    price_fen: int = 9800
    #: When it is gone, and how much later it is gone again.
    starts: Any = OPENING
    #: What has happened before, and is not under test here.
    before: Way = lambda desk, ticket, people: None


def fault(mode: str, times: int | None = 1, target: str = "sandbox.refund") -> Setting:
    seconds = BREAK_S if mode.startswith("timeout") else None
    return lambda simulator, ticket: simulator.fault(target, mode, times=times, seconds=seconds)


def closes_the_first_number(simulator: "Simulator", ticket: Ticket) -> None:
    payment = Payment.objects.get(order=ticket.order_id)
    numbers = [
        refund_number(
            origin=ticket.uuid,
            purpose=Refund.Purpose.REMEDY,
            cycle=1,
            payment_uuid=str(payment.uuid),
            generation=generation,
        )
        for generation in (1, 2)
    ]
    simulator.wechatpay_plan("CLOSED", numbers[0])
    simulator.wechatpay_plan("SUCCESS", numbers[1])
    simulator.wechatpay_rules(refund_spacing_s=0)


def takes_it_in_first(simulator: "Simulator", ticket: Ticket) -> None:
    simulator.wechatpay_plan("SUCCESS")
    simulator.wechatpay_rules(refund_spacing_s=0)


def waits_for_approval(desk: Desk, ticket: Ticket, people: dict[str, Actor]) -> None:
    agent_refunds(desk, ticket, people)
    assert desk.refunds(ticket)[0].held
    desk.now = OPENING


def until_enforcement(desk: Desk, ticket: Ticket, people: dict[str, Actor]) -> None:
    due_at = deadline_of(ticket, "commitment_enforcement").due_at
    assert due_at == ENFORCED
    desk.advance(ENFORCED - MINUTE)


PAID = ("resolved", "refunded", ["succeeded"], [9800])

PATHS = {
    "succeeds at once": Path(agent_refunds, PAID),
    "accepted, then found paid by a query": Path(
        agent_refunds, PAID, channel="wechatpay", arm=takes_it_in_first
    ),
    "no answer, the money moved": Path(
        agent_refunds, PAID, arm=fault("timeout_after_effect")
    ),
    "no answer, the request never arrived": Path(
        agent_refunds, PAID, arm=fault("timeout_before_effect")
    ),
    "refused for good": Path(
        agent_refunds,
        ("in_progress", "", ["rejected"], []),
        arm=fault("reject:TRADE_FROZEN", times=None),
    ),
    "its number closed, paid under the next": Path(
        agent_refunds,
        ("resolved", "refunded", ["rejected", "succeeded"], [9800]),
        channel="wechatpay",
        arm=closes_the_first_number,
    ),
    "approved by a second person": Path(
        supervisor_approves,
        ("resolved", "refunded", ["succeeded"], [60000]),
        price_fen=60000,
        before=waits_for_approval,
    ),
    "enforced when the promise falls due": Path(
        nobody_acts, PAID, starts=ENFORCED - MINUTE, before=until_enforcement
    ),
}  # fmt: skip
