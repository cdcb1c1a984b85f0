"""What every gateway is made of, and how a call goes through it with whatever fault is armed."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from simulator.faults import CALL_MODES, Fault, take_fault
from simulator.messages import Body, Refusal, Reply, Request
from simulator.store import Store


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose signature was right."""

    body: Body
    number: str = ""
    amount_fen: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    body: Body
    #: One word for the ledger.
    outcome: str


@dataclass(frozen=True, slots=True)
class Operation:
    #: The name that faults and the ledger use, such as "sandbox.refund".
    target: str
    method: str
    path: re.Pattern[str]
    perform: Callable[[Store, Call], Answer]
    #: Notify faults that make sense for this operation.
    notify_modes: frozenset[str] = field(default_factory=frozenset)
    #: Tells operations apart that share an address; None: whatever comes there.
    wants: Callable[[Request], bool] | None = None

    def is_for(self, request: Request) -> re.Match[str] | None:
        """This function will match a request's method, path, and what the operation wants."""
        match = self.path.fullmatch(request.path) if self.method == request.method else None
        return match if match and (self.wants is None or self.wants(request)) else None


class Gateway(Protocol):
    """One provider: a module of its own that knows its paths, its signature and its words.

    It may also have `control_routes`, {(method, path): perform(store, body)}, answered under
    /control, and `tables`, those of its own that a reset empties.
    """

    @property
    def operations(self) -> Sequence[Operation]: ...

    def open(self, request: Request, path_argument: str) -> Call:
        """This function will verify the signature and parse the body.

        :raises Refusal: for a wrong or stale signature, or a body that is no JSON object.
        """

    def seal(self, request: Request, status: int, body: Body) -> Reply:
        """This function will sign an answer as this provider does."""

    def refuse(self, refusal: Refusal) -> Body:
        """This function will say no in this provider's words."""


def conduct(
    *,
    store: Store,
    gateway: Gateway,
    operation: Operation,
    request: Request,
    path_argument: str,
    stopping: threading.Event,
) -> Reply | None:
    """This function will take one call through its gateway; None means: hang up without a word.

    An armed fault is used up only by a call whose signature is right.
    """
    try:
        call = gateway.open(request, path_argument)
    except Refusal as refusal:
        store.record_call(operation.target, "", None, f"rejected:{refusal.code}")
        return gateway.seal(request, refusal.status, gateway.refuse(refusal))
    fault = take_fault(store, operation.target)
    if fault.mode in ("timeout_before_effect", "http_500"):
        store.record_call(operation.target, call.number, call.amount_fen, fault.mode)
        return _break(fault, stopping)
    status, body = _perform(store, gateway, operation, call, fault)
    if fault.mode in ("timeout_after_effect", "http_500_after_effect"):
        return _break(fault, stopping)
    if fault.mode == "slow":
        stopping.wait(fault.seconds)
    return gateway.seal(request, status, body)


def _perform(
    store: Store, gateway: Gateway, operation: Operation, call: Call, fault: Fault
) -> tuple[int, Body]:
    # The call and its effect are one transaction: the book never shows one without the other.
    with store.transaction():
        seq = store.record_call(operation.target, call.number, call.amount_fen, "")
        try:
            if fault.mode == "reject":
                raise _asked_for(fault.code)
            answer = operation.perform(store, call)
        except Refusal as refusal:
            store.set_call_outcome(seq, f"rejected:{refusal.code}")
            return refusal.status, gateway.refuse(refusal)
        broken = fault.mode in CALL_MODES - {"slow"}
        store.set_call_outcome(seq, fault.mode if broken else answer.outcome)
        return 200, answer.body


def _asked_for(code: str) -> Refusal:
    if code == "SYSTEM_ERROR":
        return Refusal(500, code, "The outcome is not certain.", verdict="UNKNOWN")
    return Refusal(403, code, "Refused because a test asked for it.")


def _break(fault: Fault, stopping: threading.Event) -> Reply | None:
    if fault.mode.startswith("http_500"):
        return Reply(500, b"<h1>Internal Server Error</h1>", {"Content-Type": "text/html"})
    stopping.wait(fault.seconds)
    return None
