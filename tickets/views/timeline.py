"""What happened, newest first, in the customer's words. Our internal clocks are not their worry."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from tickets.chain import text_digest
from tickets.models import Approval, Event, Evidence, Message, Ticket
from tickets.templatetags.desk import full_moment, yuan

K = Event.Kind

PLAIN = {
    K.OPENED: pgettext_lazy("event", "Dispute received"),
    K.FACTS_ADDED: gettext_lazy("More about it received from you"),
    K.EVIDENCE_ACCEPTED: gettext_lazy("Your proof was checked"),
    K.ASSIGNED: gettext_lazy("An agent has taken it up"),
    K.NUDGED: gettext_lazy("You reminded us"),
    K.EVIDENCE_REMINDED: gettext_lazy("We reminded you of the proof"),
    K.COMMITMENT_BROKEN: gettext_lazy("We did not keep the promised time"),
    K.REFUND_REJECTED: gettext_lazy("The payment channel did not take the refund"),
    K.BANK_DETAILS_ASKED: gettext_lazy("We asked you where to send the money"),
    K.BANK_DETAILS_GIVEN: gettext_lazy("Your bank details have reached us"),
    K.TRANSFER_APPROVED: gettext_lazy("A second person has approved the bank transfer"),
    K.TRANSFER_VOIDED: gettext_lazy("Changed bank details: the transfer is approved anew"),
    K.TRANSFER_PAID: gettext_lazy("The money was sent by bank transfer"),
    K.OUTAGE_LINKED: gettext_lazy("It belongs to a disturbance that we know of"),
    K.REFUND_MANUAL: gettext_lazy("A person is arranging the refund"),
    K.TOP_UP_REQUESTED: gettext_lazy("Sent to the supplier again"),
    K.TOP_UP_DELIVERED: gettext_lazy("The supplier has delivered"),
    K.TOP_UP_FAILED: gettext_lazy("The supplier could not deliver"),
    K.ACCOUNT_CORRECTED: gettext_lazy("The account was corrected"),
    K.REFERRED: gettext_lazy("You may file with 12315; your file is ready for download"),
    K.REFUSED: gettext_lazy("Answered with reasons"),
    K.CLOSED: gettext_lazy("Closed"),
    K.REOPENED: gettext_lazy("Reopened"),
    K.WITHDRAWN: gettext_lazy("Dispute withdrawn by you"),
    K.RATED: gettext_lazy("You rated us"),
    K.MERGED: gettext_lazy("Joined with another dispute"),
    K.COMPENSATED: gettext_lazy("Compensation granted"),
}
OUTCOMES = {
    Ticket.Outcome.DELIVERED: gettext_lazy("Resolved: delivered"),
    Ticket.Outcome.REFUNDED: gettext_lazy("Resolved: refunded"),
    Ticket.Outcome.COMPENSATED: gettext_lazy("Resolved: compensated"),
    Ticket.Outcome.CORRECTED: gettext_lazy("Resolved: corrected"),
    Ticket.Outcome.DUPLICATE: gettext_lazy("Resolved: handled in another dispute"),
}


@dataclass(frozen=True)
class Entry:
    kind: str
    title: str
    at: datetime
    #: Words that came with it: ours, or the customer's own.
    text: str = ""
    by: str = ""


def tell_timeline(ticket: Ticket) -> list[Entry]:
    """This function will list what concerns the customer, newest first."""
    texts = read_texts(ticket)
    kinds = {value: str(label) for value, label in Evidence.Kind.choices}
    entries = []
    for event in sorted(ticket.events.all(), key=lambda event: -event.seq):
        title = title_of(event, kinds)
        if event.kind == K.REFERRED and ticket.order.reseller:
            # Bought for resale: the consumer complaint route does not fit.
            title = _("The file of this dispute is ready for download")
        if title:
            text = texts.get(str(event.data.get("text_digest", "")), "")
            entries.append(Entry(event.kind, title, event.at, text, speaker(event.actor)))
    return entries


def read_texts(ticket: Ticket) -> dict[str, str]:
    """The chain knows digests; the words lie apart, and internal ones never come here."""
    return {
        text_digest(salt=message.salt, text=message.body): message.body
        for message in ticket.messages.all()
        if not message.internal and message.author in Message.Author.values
    }


def speaker(actor: str) -> str:
    return "staff" if actor.startswith("staff:") else actor


def title_of(event: Event, kinds: dict[str, str]) -> str:
    """This function will put one event into words; empty for what is not the customer's worry."""
    kind = K(event.kind)
    if kind in PLAIN:
        return str(PLAIN[kind])
    writer = WRITERS.get(kind)
    return writer(event, kinds) if writer is not None else ""


def _evidence_added(event: Event, kinds: dict[str, str]) -> str:
    return _("Proof received: %(kind)s") % {"kind": kinds.get(str(event.data.get("kind")), "")}


def _evidence_requested(event: Event, kinds: dict[str, str]) -> str:
    names = [str(kinds[kind]) for kind in event.data.get("kinds", []) if kind in kinds]
    return _("We asked you for: %(kinds)s") % {"kinds": _(", ").join(names)}


def _replied(event: Event, kinds: dict[str, str]) -> str:
    return _("You wrote") if event.actor == "customer" else _("Answer of our staff")


def _escalated(event: Event, kinds: dict[str, str]) -> str:
    # The 12315 notice has an entry of its own.
    return _("A supervisor has it now") if event.data.get("to") == "supervisor" else ""


def _started(event: Event, kinds: dict[str, str]) -> str:
    started = datetime.fromisoformat(str(event.data["started_at"]))
    return _("The promised time runs since %(at)s") % {"at": full_moment(started)}


def _refund_requested(event: Event, kinds: dict[str, str]) -> str:
    amount = event.data.get("amount_fen")
    return _("Refund of %(amount)s submitted") % {"amount": yuan(amount)}


def _refund_settled(event: Event, kinds: dict[str, str]) -> str:
    amount = event.data.get("amount_fen")
    return _("The payment channel gave back %(amount)s") % {"amount": yuan(amount)}


def _enforced(event: Event, kinds: dict[str, str]) -> str:
    if event.data.get("decision") != "refunded":
        return ""
    return _("The desk refunds by itself, as promised")


def _asked(event: Event, kinds: dict[str, str]) -> str:
    # What staff ask each other about an answer is not told before it is decided.
    if event.data.get("action") != Approval.Action.REFUND:
        return ""
    if event.kind == K.APPROVED:
        return _("A supervisor has agreed to the refund")
    return _("A supervisor has been asked to decide about the refund")


def _resolved(event: Event, kinds: dict[str, str]) -> str:
    # A refusal has an entry of its own, with its reasons.
    outcome = Ticket.Outcome(event.data["outcome"])
    return str(OUTCOMES.get(outcome, ""))


WRITERS: dict[K, Callable[[Event, dict[str, str]], str]] = {
    K.EVIDENCE_ADDED: _evidence_added,
    K.EVIDENCE_REQUESTED: _evidence_requested,
    K.REPLIED: _replied,
    K.ESCALATED: _escalated,
    K.COMMITMENT_STARTED: _started,
    K.REFUND_REQUESTED: _refund_requested,
    K.REFUND_SETTLED: _refund_settled,
    K.RESOLVED: _resolved,
    K.COMMITMENT_ENFORCED: _enforced,
    K.APPROVAL_REQUESTED: _asked,
    K.APPROVED: _asked,
}
