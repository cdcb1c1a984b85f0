"""The clocks and limits that make up one set of promises. No database here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal

from tickets.durations import format_duration

ClockKind = Literal["wall", "staffed"]


@dataclass(frozen=True)
class Clock:
    within: timedelta
    clock: ClockKind


@dataclass(frozen=True)
class Budget:
    """Automatic refunds of the whole shop, in fen; None is no limit."""

    hour: int | None = None
    day: int | None = None


#: Clocks a body must hold, and those it may leave to their defaults.
REQUIRED_CLOCKS = (
    "first_reply",
    "agent_resolution",
    "supervisor_resolution",
    "commitment_warning",
    "commitment",
    "referral",
)
OPTIONAL_CLOCKS = ("evidence_due", "supplier_proof", "approval", "auto_close")
#: Promises to the customer never stand still at night.
WALL_ONLY = ("commitment", "referral", *OPTIONAL_CLOCKS)


@dataclass(frozen=True)
class Policy:
    """One set of promises. Durations are positive; amounts are integer fen."""

    code: str
    clocks: Mapping[str, Clock]
    enforce_lead: timedelta
    referral_grace: timedelta
    facts_max_age: timedelta
    auto_refund_limit_fen: int
    auto_refunds_per_party_30d: int
    auto_refund_fen_per_party_30d: int
    auto_refund_budget_fen: Budget
    rehearsal: bool
    #: What one agent may give back in a day before somebody else has to agree; None is no limit.
    agent_refund_fen_per_day: int | None = None
    #: New disputes get an owner at once: whoever is on duty and has least to do.
    auto_assign: bool = False

    def within(self, name: str) -> timedelta:
        return self.clocks[name].within

    def to_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "clocks": {
                name: {"within": format_duration(clock.within), "clock": clock.clock}
                for name, clock in self.clocks.items()
            },
            "enforce_lead": format_duration(self.enforce_lead),
            "referral_grace": format_duration(self.referral_grace),
            "facts_max_age": format_duration(self.facts_max_age),
            "auto_refund_limit_fen": self.auto_refund_limit_fen,
            "auto_refunds_per_party_30d": self.auto_refunds_per_party_30d,
            "auto_refund_fen_per_party_30d": self.auto_refund_fen_per_party_30d,
            "auto_refund_budget_fen": {
                "hour": self.auto_refund_budget_fen.hour,
                "day": self.auto_refund_budget_fen.day,
            },
            "rehearsal": self.rehearsal,
            "agent_refund_fen_per_day": self.agent_refund_fen_per_day,
            "auto_assign": self.auto_assign,
        }

    def with_code(self, code: str) -> "Policy":
        return replace(self, code=code)


DEFAULT_OPTIONAL: dict[str, Clock] = {
    "evidence_due": Clock(timedelta(hours=48), "wall"),
    "supplier_proof": Clock(timedelta(hours=4), "wall"),
    "approval": Clock(timedelta(minutes=30), "wall"),
    "auto_close": Clock(timedelta(days=7), "wall"),
}

DEFAULT_POLICY = Policy(
    code="default",
    clocks={
        "first_reply": Clock(timedelta(minutes=30), "staffed"),
        "agent_resolution": Clock(timedelta(hours=2), "staffed"),
        "supervisor_resolution": Clock(timedelta(hours=3), "staffed"),
        "commitment_warning": Clock(timedelta(hours=20), "wall"),
        "commitment": Clock(timedelta(hours=24), "wall"),
        "referral": Clock(timedelta(hours=48), "wall"),
        **DEFAULT_OPTIONAL,
    },
    enforce_lead=timedelta(hours=1),
    referral_grace=timedelta(hours=1),
    facts_max_age=timedelta(hours=24),
    auto_refund_limit_fen=50000,
    auto_refunds_per_party_30d=3,
    auto_refund_fen_per_party_30d=50000,
    auto_refund_budget_fen=Budget(),
    rehearsal=False,
)
