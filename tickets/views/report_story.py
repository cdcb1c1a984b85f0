"""The papers of a dispute: the progress report (订单处理进度报告) and the file for 12315."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from orders.masking import mask_email, mask_phone
from orders.models import Payment
from tickets.forms import CARDS
from tickets.models import Evidence, Referral, Ticket
from tickets.papers import Paper, Part
from tickets.templatetags.desk import full_moment, stretch, yuan
from tickets.views.money_story import MoneyStory, tell_refunds
from tickets.views.order_story import tell_order
from tickets.views.ticket_story import Promise, TicketStory, tell_ticket
from tickets.views.timeline import tell_timeline

Facts = list[tuple[str, str]]
WAY_TO_12315 = (
    gettext_lazy(
        "You may file with the market regulator at any time, whether or not we are still working "
        "on it. We do not do it for you, and it does not end our own work."
    ),
    gettext_lazy(
        "Open 12315.cn, the 12315 app or mini program, or call 12315, and sign in with your real "
        "name."
    ),
    gettext_lazy("The authority says within 7 working days whether it takes the case up."),
)

#: Bought for resale: no purchase for daily life, so the consumer complaint route does not fit.
WAY_OF_A_RESELLER = (
    gettext_lazy(
        "Bought for resale, this is not a purchase for daily life: the consumer complaint route "
        "of the market regulator does not fit it and may be declined."
    ),
    gettext_lazy(
        "Our contract with you stays in force: what we owe by it stays owed, and we go on working "
        "on it."
    ),
    gettext_lazy(
        "You may sue at the people's court, or turn to the arbitration commission where our "
        "contract names one."
    ),
)


def way_on(ticket: Ticket) -> Part:
    if ticket.order.reseller:
        return Part(_("If we do not agree"), lines=[str(line) for line in WAY_OF_A_RESELLER])
    return Part(_("How to reach 12315"), lines=[str(line) for line in WAY_TO_12315])


def write_report(ticket: Ticket, *, address: str, now: datetime) -> Paper:
    """This function will set down how a dispute stands, masked: whoever has the link reads it."""
    story = tell_ticket(ticket, now=now)
    files = list(ticket.evidence.all())
    parts = [
        Part(_("The case"), facts=case_facts(ticket, now=now)),
        Part(_("How it stands"), facts=standing_facts(story), lines=filter_empty([story.lead])),
        Part(_("The promised time"), facts=promise_facts(story.promise)),
        *[refund_part(refund) for refund in tell_refunds(ticket)],
        Part(pgettext("timeline", "What happened"), facts=list_events(ticket)),
        Part(_("Proof"), facts=list_files(files)),
        way_on(ticket),
    ]
    return Paper(
        title=_("Progress report on an order"),
        subtitle=_("Dispute %(number)s, as of %(at)s")
        % {"number": ticket.number, "at": full_moment(now)},
        parts=[part for part in parts if part.facts or part.lines],
        address=address,
    )


def filter_empty(lines: list[str]) -> list[str]:
    return [line for line in lines if line]


def case_facts(ticket: Ticket, *, now: datetime) -> Facts:
    order = tell_order(ticket.order, now=now)
    contact = mask_phone(ticket.contact_phone) or mask_email(ticket.contact_email)
    facts = [
        (_("Dispute"), ticket.number),
        (_("Order"), order.order.order_no),
        (_("Product"), order.order.product_name),
        (_("Account"), order.account),
        (_("You paid"), yuan(order.order.price_fen)),
        (_("Problem"), str(CARDS[Ticket.Category(ticket.category)][0])),
        (_("Contact"), contact),
        (_("The order itself"), order.headline),
        (_("Dispute received"), full_moment(ticket.opened_at)),
    ]
    return [(label, value) for label, value in facts if value]


def standing_facts(story: TicketStory) -> Facts:
    facts = [(_("Status"), story.title), (_("With:"), story.holder)]
    return [(label, value) for label, value in facts if value]


def promise_facts(promise: Promise) -> Facts:
    """This function will say since when the promise runs, why, until when, and if it is kept."""
    facts = [
        (
            _("Promised"),
            _("credit or money back within %(length)s") % {"length": stretch(promise.length)},
        )
    ]
    if promise.started_at is None or promise.due_at is None:
        needs = [_(" or ").join(need.labels) for need in promise.needs]
        return [*facts, (_("Still needed:"), _("; ").join(needs))] if needs else facts
    if promise.started_by is not None:
        by = f"{promise.started_by.get_kind_display()} · {promise.started_by.filename}"
    else:
        by = _("our own records")
    states = {
        "kept": _("kept"),
        "late": _("not kept"),
        "running": _("running"),
        "over": _("ended"),
    }
    return [
        *facts,
        (_("Runs since"), full_moment(promise.started_at)),
        (_("Started by"), by),
        (_("Promised by"), full_moment(promise.due_at)),
        (pgettext("report", "State"), states.get(promise.state, "")),
    ]


def refund_part(refund: MoneyStory) -> Part:
    """This function will tell the three steps of one refund that are not the same."""
    title = _("Refund %(amount)s by %(channel)s") % {
        "amount": yuan(refund.amount_fen),
        "channel": refund.channel,
    }
    marks = {
        "done": pgettext("report", "done"),
        "now": _("under way"),
        "next": pgettext("report", "not yet"),
    }
    steps = [(step.label, full_moment(step.at) or marks[step.state]) for step in refund.steps]
    numbers = [
        (_("Our refund number"), refund.refund_no),
        (_("Number of the payment channel"), refund.channel_refund_no),
    ]
    facts = [*steps, *[(label, number) for label, number in numbers if number]]
    return Part(title, facts=facts, lines=filter_empty([refund.note, refund.where]))


def list_events(ticket: Ticket) -> Facts:
    """Oldest first: a report is read from the beginning."""
    return [
        (full_moment(entry.at), "\n".join(filter_empty([entry.title, entry.text])))
        for entry in reversed(tell_timeline(ticket))
    ]


def list_files(files: list[Evidence]) -> Facts:
    return [
        (
            file.get_kind_display(),
            f"{file.filename} · {full_moment(file.received_at)}\nSHA-256 {file.sha256}",
        )
        for file in files
    ]


def write_dossier(ticket: Ticket, referral: Referral, *, address: str) -> Paper:
    """This function will set the file for 12315 on paper: not masked, in the form's order."""
    dossier: dict[str, Any] = referral.dossier
    facts = [
        (_("Dispute"), dossier["ticket"]),
        (_("Order"), dossier["order_no"]),
        (_("Product"), dossier["product"]),
        (_("Account"), dossier["target_account"]),
        (_("Problem"), str(CARDS[Ticket.Category(dossier["category"])][0])),
        (_("Claim"), yuan(dossier["claim_fen"])),
        (_("Dispute received"), moment_of(dossier["opened_at"])),
        (_("Promised by"), moment_of(dossier["promised_until"])),
    ]
    channels = dict(Payment.Channel.choices)
    for payment in dossier["payments"]:
        paid = f"{yuan(payment['amount_fen'])} {moment_of(payment['paid_at'])}"
        facts += [
            (str(channels[payment["channel"]]), paid),
            (_("Trade number"), payment["trade_no"]),
        ]
    for refund in dossier["refunds"]:
        facts.append((_("Refund"), f"{yuan(refund['amount_fen'])} · {refund['refund_no']}"))
    kinds = dict(Evidence.Kind.choices)
    files = [
        (str(kinds[file["kind"]]), f"{file['filename']}\nSHA-256 {file['sha256']}")
        for file in dossier["evidence"]
    ]
    claim = _(
        "These are the facts in the order of the official form. We have not filed anything: that "
        "is yours to decide. The form asks for your identity number; we do not keep it."
    )
    digest = _("SHA-256 of the file: %(digest)s") % {"digest": referral.dossier_sha256}
    parts = [
        Part(
            _("The case"), facts=[(label, value) for label, value in facts if value], lines=[claim]
        ),
        Part(_("Proof"), facts=files, lines=[digest]),
        way_on(ticket),
    ]
    return Paper(
        title=_("File of the dispute") if ticket.order.reseller else _("File for 12315"),
        subtitle=_("Dispute %(number)s, as of %(at)s")
        % {"number": ticket.number, "at": full_moment(referral.at)},
        parts=parts,
        address=address,
    )


def moment_of(text: str | None) -> str:
    return full_moment(datetime.fromisoformat(text)) if text else ""
