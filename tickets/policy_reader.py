"""Reads a policy from JSON and names everything that is wrong with it at once."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

from tickets.durations import format_duration, parse_duration
from tickets.policy import (
    DEFAULT_OPTIONAL,
    OPTIONAL_CLOCKS,
    REQUIRED_CLOCKS,
    WALL_ONLY,
    Budget,
    Clock,
    Policy,
)

LONGEST = timedelta(days=366)
SHORTEST = timedelta(seconds=1)
MAX_FEN = 10**12


@dataclass(frozen=True)
class PolicyError:
    field: str
    code: str
    limit: str = ""


class InvalidPolicy(Exception):
    """The body is no policy; ``errors`` names each field, what is wrong and the limit."""

    def __init__(self, errors: list[PolicyError]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{e.field}: {e.code} {e.limit}".strip() for e in errors))


def read_policy(body: Mapping[str, Any]) -> Policy:
    """This function will read a policy from its JSON shape.

    :raises InvalidPolicy: naming every wrong field, not only the first.
    """
    return _Reader(body).read()


def read_kept_policy(body: Mapping[str, Any]) -> Policy:
    """This function will read a policy that was checked when it was kept. Thousands of tickets hold
    the same one, and it is parsed once."""
    return _read_text(json.dumps(body, sort_keys=True))


@lru_cache(maxsize=256)
def _read_text(text: str) -> Policy:
    return read_policy(json.loads(text))


class _Reader:
    """Reads a body field by field and keeps every error, so that one answer names them all."""

    KNOWN = frozenset(
        {
            "code",
            "clocks",
            "enforce_lead",
            "referral_grace",
            "facts_max_age",
            "auto_refund_limit_fen",
            "auto_refunds_per_party_30d",
            "auto_refund_fen_per_party_30d",
            "auto_refund_budget_fen",
            "rehearsal",
            "agent_refund_fen_per_day",
            "auto_assign",
        }
    )

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.body = body
        self.errors: list[PolicyError] = []

    def read(self) -> Policy:
        for name in sorted(set(self.body) - self.KNOWN):
            self.fail(name, "unknown_field")
        limit_fen = self.whole("auto_refund_limit_fen", MAX_FEN)
        policy = Policy(
            code=self.code(),
            clocks=self.clocks(),
            enforce_lead=self.duration("enforce_lead", self.body.get("enforce_lead")),
            referral_grace=self.duration("referral_grace", self.body.get("referral_grace")),
            facts_max_age=self.duration("facts_max_age", self.body.get("facts_max_age")),
            auto_refund_limit_fen=limit_fen,
            auto_refunds_per_party_30d=self.whole("auto_refunds_per_party_30d", 10**6),
            auto_refund_fen_per_party_30d=self.whole(
                "auto_refund_fen_per_party_30d", MAX_FEN, default=max(50000, limit_fen)
            ),
            auto_refund_budget_fen=self.budget(),
            rehearsal=self.flag("rehearsal"),
            agent_refund_fen_per_day=self.fen_or_none("agent_refund_fen_per_day"),
            auto_assign=self.flag("auto_assign", default=False),
        )
        if not self.errors:
            self.check_ladder(policy)
        if self.errors:
            raise InvalidPolicy(self.errors)
        return policy

    def fail(self, field: str, code: str, limit: str = "") -> None:
        self.errors.append(PolicyError(field, code, limit))

    def code(self) -> str:
        code = self.body.get("code")
        if not isinstance(code, str) or not re.fullmatch(r"[a-z0-9_-]{1,32}", code):
            self.fail("code", "invalid", "[a-z0-9_-]{1,32}")
            return ""
        return code

    def clocks(self) -> dict[str, Clock]:
        given = self.body.get("clocks")
        if not isinstance(given, Mapping):
            self.fail("clocks", "required")
            return {}
        for name in sorted(set(given) - {*REQUIRED_CLOCKS, *OPTIONAL_CLOCKS}):
            self.fail(f"clocks.{name}", "unknown_field")
        clocks = {name: self.clock(name, given.get(name)) for name in REQUIRED_CLOCKS}
        for name in OPTIONAL_CLOCKS:
            default = DEFAULT_OPTIONAL[name]
            clocks[name] = self.clock(name, given[name]) if name in given else default
        return clocks

    def clock(self, name: str, value: Any) -> Clock:
        if not isinstance(value, Mapping):
            self.fail(f"clocks.{name}", "required")
            return Clock(SHORTEST, "wall")
        for extra in sorted(set(value) - {"within", "clock"}):
            self.fail(f"clocks.{name}.{extra}", "unknown_field")
        within = self.duration(f"clocks.{name}.within", value.get("within"))
        kind = value.get("clock")
        if kind not in ("wall", "staffed"):
            self.fail(f"clocks.{name}.clock", "invalid", "wall, staffed")
            return Clock(within, "wall")
        if kind == "staffed" and name in WALL_ONLY:
            self.fail(f"clocks.{name}.clock", "wall_only", "wall")
        return Clock(within, kind)

    def duration(self, field: str, value: Any) -> timedelta:
        if not isinstance(value, str):
            self.fail(field, "required" if value is None else "invalid", "ISO 8601, PT1S to P366D")
            return SHORTEST
        try:
            duration = parse_duration(value)
        except ValueError:
            self.fail(field, "invalid", "ISO 8601, PT1S to P366D")
            return SHORTEST
        if not SHORTEST <= duration <= LONGEST:
            self.fail(field, "out_of_range", "PT1S to P366D")
        return duration

    def whole(self, field: str, limit: int, default: int | None = None) -> int:
        value = self.body.get(field, default)
        if type(value) is not int or not 0 <= value <= limit:
            self.fail(field, "required" if value is None else "invalid", f"0 to {limit}")
            return 0
        return value

    def fen_or_none(self, field: str) -> int | None:
        value = self.body.get(field)
        if value is not None and (type(value) is not int or not 0 <= value <= MAX_FEN):
            self.fail(field, "invalid", f"0 to {MAX_FEN}, null")
            return None
        return value

    def flag(self, field: str, default: bool | None = None) -> bool:
        value = self.body.get(field, default)
        if not isinstance(value, bool):
            self.fail(field, "required" if value is None else "invalid", "true, false")
            return False
        return value

    def budget(self) -> Budget:
        value = self.body.get("auto_refund_budget_fen")
        if not isinstance(value, Mapping) or set(value) != {"hour", "day"}:
            self.fail("auto_refund_budget_fen", "invalid", '{"hour": fen|null, "day": fen|null}')
            return Budget()
        for name, fen in value.items():
            if fen is not None and (type(fen) is not int or not 0 <= fen <= MAX_FEN):
                self.fail(f"auto_refund_budget_fen.{name}", "invalid", f"0 to {MAX_FEN}, null")
        return Budget(hour=value["hour"], day=value["day"])

    def check_ladder(self, policy: Policy) -> None:
        """A refund needs time before the promise falls due, and people need to be warned."""
        commitment = policy.within("commitment")
        if policy.enforce_lead >= commitment:
            self.fail("enforce_lead", "not_before_commitment", format_duration(commitment))
        if policy.within("commitment_warning") >= commitment:
            self.fail(
                "clocks.commitment_warning.within",
                "not_before_commitment",
                format_duration(commitment),
            )
