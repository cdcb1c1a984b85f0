"""Every arrow of the state machine, one function each: the only writers of status and level."""

from tickets.transitions.approvals import approve
from tickets.transitions.arrows import ARROWS
from tickets.transitions.deciding import refuse, resolve
from tickets.transitions.finishing import rate, reopen, withdraw
from tickets.transitions.handling import (
    assign_ticket,
    escalate,
    nudge,
    reply,
)
from tickets.transitions.merging import merge
from tickets.transitions.proving import accept_evidence, add_evidence, request_evidence

__all__ = [
    "ARROWS",
    "accept_evidence",
    "add_evidence",
    "approve",
    "assign_ticket",
    "escalate",
    "merge",
    "nudge",
    "rate",
    "refuse",
    "reopen",
    "reply",
    "request_evidence",
    "resolve",
    "withdraw",
]
