"""The history of a dispute in words, newest first, each event with what was said."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from orders.admin.cells import instant, yuan
from tickets.admin.countdown import write_length
from tickets.admin.page import Dossier
from tickets.chain import text_digest
from tickets.models import Approval, Deadline, Event, Evidence, ExternalCase, Message, Ticket

Kind = Event.Kind

#: How an event looks: what went wrong, what went well, what a person said.
BAD = {Kind.COMMITMENT_BROKEN, Kind.REFUND_REJECTED, Kind.TOP_UP_FAILED, Kind.REFERRED}
GOOD = {Kind.REFUND_SETTLED, Kind.TOP_UP_DELIVERED, Kind.RESOLVED}
WARN = {
    Kind.ESCALATED,
    Kind.DEADLINE_FIRED,
    Kind.COMMITMENT_WARNED,
    Kind.NUDGED,
    Kind.REFUND_MANUAL,
}
#: Bookkeeping of the clocks, folded away unless somebody asks for it.
QUIET = {Kind.DEADLINE_MET, Kind.CLOCK_PAUSED, Kind.CLOCK_RESUMED, Kind.DEADLINE_BROUGHT_FORWARD}


@dataclass(frozen=True)
class Entry:
    seq: int
    at: datetime
    title: str
    who: str
    detail: str
    words: str
    is_internal: bool
    #: Something was said, and the words are gone by now: the digest remains.
    is_erased: bool
    tone: str
    is_quiet: bool
    hash: str
    #: Number of the dispute that was merged into this one, where it happened there.
    source: str = ""


def tell_history(dossier: Dossier) -> list[Entry]:
    """This function will put events and the words that belong to them together, newest first."""
    said = {text_digest(salt=m.salt, text=m.body): m for m in dossier.messages}
    return [tell_event(event, dossier, said) for event in reversed(dossier.events)]


def tell_event(event: Event, dossier: Dossier, said: dict[str, Message]) -> Entry:
    digest = event.data.get("text_digest", "")
    message = said.get(digest)
    describe = DETAILS.get(Kind(event.kind))
    kind = Kind(event.kind)
    return Entry(
        seq=event.seq,
        at=event.at,
        title=str(kind.label),
        who=dossier.who(event.actor),
        detail=describe(event.data, dossier) if describe else "",
        words=message.body if message else "",
        is_internal=message.internal if message else False,
        is_erased=bool(digest) and message is None,
        tone="bad" if kind in BAD else "good" if kind in GOOD else "warn" if kind in WARN else "",
        is_quiet=kind in QUIET,
        hash=event.hash,
        source="" if event.ticket_id == dossier.ticket.pk else event.ticket.number,
    )


def label_of(choices: Any, value: Any) -> str:
    """The words for a code, or the code itself where a later version knows no words for it."""
    return str(choices(value).label) if value in choices.values else str(value)


def tell_money(data: dict[str, Any], dossier: Dossier) -> str:
    parts = [yuan(data["amount_fen"])] if data.get("amount_fen") else []
    if number := data.get("refund_no"):
        parts.append(f"{number[:12]}…")
    if code := data.get("code"):
        parts.append(str(code))
    return " · ".join(parts)


def tell_deadline(data: dict[str, Any], dossier: Dossier) -> str:
    text = label_of(Deadline.Kind, data.get("kind"))
    if late_ms := data.get("late_ms"):
        length = write_length(timedelta(milliseconds=late_ms))
        text += " · " + _("late by %(length)s") % {"length": length}
    return text


def tell_escalation(data: dict[str, Any], dossier: Dossier) -> str:
    by = str(data.get("by", ""))
    if by == "external_case":
        return f"{label_of(Ticket.Level, data.get('to'))} ← {Deadline.Kind.EXTERNAL_CASE.label}"
    cause = label_of(Deadline.Kind, by) if by in Deadline.Kind.values else dossier.who(by)
    return f"{label_of(Ticket.Level, data.get('to'))} ← {cause}"


def tell_kinds(data: dict[str, Any], dossier: Dossier) -> str:
    return ", ".join(label_of(Evidence.Kind, kind) for kind in data.get("kinds", []))


def tell_file(data: dict[str, Any], dossier: Dossier) -> str:
    return f"{label_of(Evidence.Kind, data.get('kind'))} · SHA-256 {str(data.get('sha256'))[:12]}…"


def tell_assignment(data: dict[str, Any], dossier: Dossier) -> str:
    return dossier.who(str(data.get("to", "")))


def tell_question(data: dict[str, Any], dossier: Dossier) -> str:
    parts = [label_of(Approval.Action, data["action"])] if data.get("action") else []
    if data.get("amount_fen"):
        parts.append(yuan(data["amount_fen"]))
    if asked_of := data.get("asked_of"):
        parts.append(dossier.who(asked_of))
    return " · ".join(parts)


def tell_merge(data: dict[str, Any], dossier: Dossier) -> str:
    return str(f"→ {data['into']}" if data.get("into") else f"← {data.get('source', '')}")


def tell_outcome(data: dict[str, Any], dossier: Dossier) -> str:
    return label_of(Ticket.Outcome, data.get("outcome"))


def tell_pause(data: dict[str, Any], dossier: Dossier) -> str:
    return f"{label_of(Deadline.Kind, data.get('kind'))} · {tell_reason(data.get('reason', ''))}"


def tell_reason(code: str) -> str:
    """This function will put why a clock stood still into words."""
    return _("waiting for the customer's answer") if code == "waiting_customer" else code


def tell_decision(data: dict[str, Any], dossier: Dossier) -> str:
    return name_decision(str(data.get("decision", "")))


def name_decision(code: str) -> str:
    """This function will put what the desk decided about its promise into words."""
    words = {
        "not_needed": _("nothing left to decide"),
        "under_way": _("a refund is under way already"),
        "met": _("nothing is owed any more"),
        "nothing_paid": _("no payment is known"),
        "refunded": _("the desk refunded by itself"),
        "approval_asked": _("a supervisor was asked"),
    }
    return words.get(code, code)


def tell_outside(data: dict[str, Any], dossier: Dossier) -> str:
    parts = [label_of(ExternalCase.Channel, data["channel"])] if "channel" in data else []
    parts += [label_of(ExternalCase.Result, data["result"])] if "result" in data else []
    if due_at := data.get("due_at"):
        parts.append(_("due %(at)s") % {"at": instant(datetime.fromisoformat(due_at))})
    return " · ".join(parts)


DETAILS: dict[Event.Kind, Callable[[dict[str, Any], Dossier], str]] = {
    Kind.EVIDENCE_ADDED: tell_file,
    Kind.EVIDENCE_REQUESTED: tell_kinds,
    Kind.ASSIGNED: tell_assignment,
    Kind.ESCALATED: tell_escalation,
    Kind.COMMITMENT_ENFORCED: tell_decision,
    Kind.APPROVAL_REQUESTED: tell_question,
    Kind.APPROVAL_PASSED_ON: tell_question,
    Kind.APPROVED: tell_question,
    Kind.DECLINED: tell_question,
    Kind.REFUND_REQUESTED: tell_money,
    Kind.REFUND_SETTLED: tell_money,
    Kind.REFUND_REJECTED: tell_money,
    Kind.REFUND_MANUAL: tell_money,
    Kind.MERGED: tell_merge,
    Kind.RESOLVED: tell_outcome,
    Kind.REFUSED: tell_outcome,
    Kind.DEADLINE_FIRED: tell_deadline,
    Kind.DEADLINE_MET: tell_deadline,
    Kind.DEADLINE_BROUGHT_FORWARD: tell_deadline,
    Kind.CLOCK_PAUSED: tell_pause,
    Kind.CLOCK_RESUMED: tell_pause,
    Kind.EXTERNAL_CASE_ATTACHED: tell_outside,
    Kind.EXTERNAL_CASE_ACCEPTED: tell_outside,
    Kind.EXTERNAL_CASE_RECOUNTED: tell_outside,
    Kind.EXTERNAL_CASE_SETTLED: tell_outside,
}
