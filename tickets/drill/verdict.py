"""Did every step come, in time, once? Asked of the rows, the chain and the channel's book."""

from collections.abc import Iterator
from dataclasses import dataclass

from orders.models import Refund
from tickets.drill.gateway import Simulator
from tickets.drill.stage import Play
from tickets.evidence import verify_evidence
from tickets.models import Event, Notice

#: States of a message that the desk has done its part for.
LEFT = (Notice.State.SENT, Notice.State.NO_ADDRESS)


@dataclass(frozen=True)
class Check:
    scene: str
    text: str
    passed: bool
    #: One of the events that had to come, not a question about the rows they left.
    is_step: bool = False


def judge(plays: list[Play], *, simulator: Simulator | None, tolerance_s: float) -> list[Check]:
    """This function will hold what happened against what each scene expects."""
    checks = []
    for play in plays:
        events = list(play.ticket.events.order_by("seq"))
        steps = check_steps(play, events, with_money=simulator is not None)
        checks += [Check(play.scene.key, *said, is_step=True) for said in steps]
        others = [
            *check_lateness(events, tolerance_s),
            *check_money(play, simulator),
            *check_records(play),
        ]
        checks += [Check(play.scene.key, *said) for said in others]
    return checks


def check_steps(play: Play, events: list[Event], *, with_money: bool) -> Iterator[tuple[str, bool]]:
    for step in play.scene.expected(with_money=with_money):
        came = sum(step.fits(event) for event in events)
        times = "" if came == 1 else f", came {came} times"
        yield f"{step}{times}", came == 1 or (step.again and came > 1)
    for step in play.scene.never:
        if any(step.fits(event) for event in events):
            yield f"{step} must not come", False


def check_lateness(events: list[Event], tolerance_s: float) -> Iterator[tuple[str, bool]]:
    late = largest_lateness(events)
    if late is not None:
        yield f"every clock fired within {tolerance_s:g} s: {late:.2f} s", late <= tolerance_s


def largest_lateness(events: list[Event]) -> float | None:
    """This function will give the seconds by which the latest clock fired late."""
    fired = [e.data["late_ms"] for e in events if e.kind == Event.Kind.DEADLINE_FIRED]
    return max(fired) / 1000 if fired else None


def check_money(play: Play, simulator: Simulator | None) -> Iterator[tuple[str, bool]]:
    if simulator is None:
        return
    refunds = list(Refund.objects.filter(origin=play.ticket.uuid))
    yield f"one refund row: {len(refunds)}", len(refunds) == 1
    moved = [fen for refund in refunds for fen in simulator.effects(refund.refund_no)]
    expected = [play.scene.paid_fen] * play.scene.effects
    yield f"moved at the channel: {moved} fen", moved == expected


def check_records(play: Play) -> Iterator[tuple[str, bool]]:
    breached = play.ticket.breaches.filter(kind="commitment").exists()
    broken = any(step.kind == Event.Kind.COMMITMENT_BROKEN for step in play.scene.steps)
    yield ("the broken promise is up for review" if broken else "promise kept"), breached == broken
    missing = sorted(set(play.scene.told) - told(play))
    yield f"the customer was told{': not of ' + ', '.join(missing) if missing else ''}", not missing
    findings = verify_evidence(ticket=play.ticket)
    yield f"chain and proof verify{': ' + findings[0].text if findings else ''}", not findings


def told(play: Play) -> set[str]:
    notices = play.ticket.notices.filter(audience=Notice.Audience.CUSTOMER, state__in=LEFT)
    return set(notices.values_list("kind", flat=True))


def is_over(play: Play) -> bool:
    """This function will say whether a scene has come to its end, its last message included."""
    play.ticket.refresh_from_db()
    return play.scene.is_over(play.ticket) and set(play.scene.told) <= told(play)
