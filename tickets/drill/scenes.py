"""What is played, and the events that have to come of it, each once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tickets.models import Event, Ticket

#: Everybody's clocks in seconds. Wall clocks throughout: a drill at night is a drill as well.
CLOCKS = {
    "first_reply": 4,
    "agent_resolution": 5,
    "supervisor_resolution": 5,
    "commitment_warning": 13,
    "commitment": 24,
    "referral": 26,
}
POLICY_CODE = "drill"
POLICY: dict[str, Any] = {
    "code": POLICY_CODE,
    "clocks": {
        name: {"within": f"PT{seconds}S", "clock": "wall"} for name, seconds in CLOCKS.items()
    },
    "enforce_lead": "PT8S",
    "referral_grace": "PT2S",
    "facts_max_age": "PT1H",
    "auto_refund_limit_fen": 50000,
    "auto_refunds_per_party_30d": 3,
    "auto_refund_budget_fen": {"hour": None, "day": None},
    "rehearsal": False,
}


@dataclass(frozen=True)
class Step:
    """One event that has to come; ``data`` is what it must say at least."""

    kind: Event.Kind
    data: Mapping[str, Any] = field(default_factory=dict)
    #: May come again: a handling clock starts anew when a remedy fails.
    again: bool = False

    def fits(self, event: Event) -> bool:
        return event.kind == self.kind and all(
            event.data.get(name) == value for name, value in self.data.items()
        )

    def __str__(self) -> str:
        said = " ".join(str(value) for name, value in self.data.items() if name != "late_ms")
        return f"{self.kind} {said}".strip()


def fired(clock: str, *, again: bool = False) -> Step:
    return Step(Kind.DEADLINE_FIRED, {"kind": clock}, again)


def met(clock: str) -> Step:
    return Step(Kind.DEADLINE_MET, {"kind": clock, "late_ms": 0})


@dataclass(frozen=True)
class Scene:
    """One dispute: how it is set up, what must happen, what must not, and when it is over."""

    key: str
    title: str
    #: What the customer paid, in fen.
    paid_fen: int
    #: What the channel believes was paid; another amount makes it refuse the refund for good.
    channel_fen: int
    steps: tuple[Step, ...]
    #: Left out where no money can be drilled.
    money_steps: tuple[Step, ...]
    never: tuple[Step, ...]
    #: Effects that the channel's book has to show for the refund.
    effects: int
    #: Messages to the customer that have to leave.
    told: tuple[str, ...]
    agent_acts: bool = False
    needs_money: bool = False

    def expected(self, *, with_money: bool) -> tuple[Step, ...]:
        return self.steps + (self.money_steps if with_money else ())

    def is_over(self, ticket: Ticket) -> bool:
        if self.key == "B":
            return ticket.level == Ticket.Level.REFERRED
        return not ticket.is_open


Kind = Event.Kind
OPENING = (Step(Kind.OPENED), Step(Kind.EVIDENCE_ADDED), Step(Kind.COMMITMENT_STARTED))
LADDER = (
    *OPENING,
    fired("first_reply"),
    fired("agent_resolution"),
    Step(Kind.ESCALATED, {"to": "supervisor", "by": "agent_resolution"}),
    fired("supervisor_resolution", again=True),
    Step(Kind.COMMITMENT_WARNED),
    fired("commitment_enforcement"),
    Step(Kind.COMMITMENT_ENFORCED),
)

SCENES = (
    Scene(
        key="A",
        title="nobody acts",
        paid_fen=9980,
        channel_fen=9980,
        steps=LADDER,
        money_steps=(
            Step(Kind.REFUND_REQUESTED),
            Step(Kind.REFUND_SETTLED),
            Step(Kind.RESOLVED, {"outcome": "refunded"}),
            met("commitment"),
        ),
        never=(Step(Kind.COMMITMENT_BROKEN), Step(Kind.REFERRED)),
        effects=1,
        told=("opened", "promise_started", "escalated", "refund_requested", "resolved"),
        needs_money=True,
    ),
    Scene(
        key="B",
        title="no refund succeeds",
        paid_fen=4990,
        channel_fen=5000,
        steps=(
            *LADDER,
            fired("commitment"),
            Step(Kind.COMMITMENT_BROKEN),
            fired("referral"),
            Step(Kind.ESCALATED, {"to": "referred"}),
            Step(Kind.REFERRED),
        ),
        money_steps=(Step(Kind.REFUND_REQUESTED), Step(Kind.REFUND_REJECTED)),
        never=(Step(Kind.REFUND_SETTLED), Step(Kind.RESOLVED)),
        effects=0,
        told=("opened", "promise_started", "escalated", "promise_broken", "referred"),
    ),
    Scene(
        key="C",
        title="an agent acts in time",
        paid_fen=2980,
        channel_fen=2980,
        steps=(*OPENING, Step(Kind.REPLIED), met("first_reply"), Step(Kind.RESOLVED)),
        money_steps=(Step(Kind.REFUND_REQUESTED), Step(Kind.REFUND_SETTLED), met("commitment")),
        # Every clock but the warning: where nobody is at work until the desk acts, that comes at
        # once.
        never=(
            *(fired(clock) for clock in CLOCKS if clock != "commitment_warning"),
            fired("commitment_enforcement"),
            Step(Kind.ESCALATED),
            Step(Kind.COMMITMENT_BROKEN),
        ),
        effects=1,
        told=("opened", "promise_started", "replied", "resolved"),
        agent_acts=True,
    ),
)
