from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tickets.models.deadline import Deadline
from tickets.models.ticket import Ticket


class Event(models.Model):
    """Something that happened to a ticket. Appended, never changed: triggers refuse the rest.

    ``hash = sha256(prev_hash + canonical JSON of [seq, kind, actor, at, data])`` chains a ticket's
    events. ``data`` holds references and salted digests, no free text and no personal data, so
    that the chain still verifies after a person's words have been erased.
    """

    class Kind(models.TextChoices):
        OPENED = "opened", _("dispute opened")
        FACTS_ADDED = "facts_added", _("more facts added")
        EVIDENCE_ADDED = "evidence_added", _("proof added")
        EVIDENCE_ACCEPTED = "evidence_accepted", _("proof accepted")
        COMMITMENT_STARTED = "commitment_started", _("24-hour promise started")
        ASSIGNED = "assigned", _("assigned")
        REPLIED = "replied", _("replied")
        NOTED = "noted", _("internal note")
        NUDGED = "nudged", _("nudged")
        EVIDENCE_REQUESTED = "evidence_requested", _("proof asked for")
        EVIDENCE_REMINDED = "evidence_reminded", _("reminded of the proof")
        ESCALATED = "escalated", _("escalated")
        COMMITMENT_WARNED = "commitment_warned", _("promise falls due soon")
        COMMITMENT_ENFORCED = "commitment_enforced", _("the desk acted itself")
        COMMITMENT_BROKEN = "commitment_broken", _("promise not kept")
        FACTS_CHECKED = "facts_checked", _("facts checked")
        APPROVAL_REQUESTED = "approval_requested", _("decision asked for")
        APPROVAL_PASSED_ON = "approval_passed_on", _("decision passed to the next on call")
        APPROVED = "approved", _("approved")
        DECLINED = "declined", _("declined")
        REFUND_REQUESTED = "refund_requested", _("refund requested")
        REFUND_SETTLED = "refund_settled", _("refund settled")
        REFUND_REJECTED = "refund_rejected", _("refund rejected")
        REFUND_MANUAL = "refund_manual", _("refund handed to people")
        TOP_UP_REQUESTED = "top_up_requested", _("redelivery requested")
        TOP_UP_DELIVERED = "top_up_delivered", _("top-up delivered")
        TOP_UP_FAILED = "top_up_failed", _("top-up failed")
        ACCOUNT_CORRECTED = "account_corrected", _("account corrected")
        REFERRED = "referred", _("referred to 12315")
        RESOLVED = "resolved", _("resolved")
        REFUSED = "refused", _("refused with reasons")
        CLOSED = "closed", _("closed")
        REOPENED = "reopened", _("reopened")
        WITHDRAWN = "withdrawn", _("withdrawn")
        MERGED = "merged", _("merged")
        RATED = "rated", _("rated")
        DEADLINE_FIRED = "deadline_fired", _("deadline fired")
        DEADLINE_MET = "deadline_met", _("deadline met")
        DEADLINE_BROUGHT_FORWARD = "deadline_brought_forward", _("deadline brought forward")
        CLOCK_PAUSED = "clock_paused", _("clock paused")
        CLOCK_RESUMED = "clock_resumed", _("clock resumed")
        COMPENSATED = "compensated", _("compensated")
        EXTERNAL_CASE_ATTACHED = "external_case_attached", _("outside case attached")
        EXTERNAL_CASE_ANSWERED = "external_case_answered", _("outside case answered")
        EXTERNAL_CASE_ACCEPTED = "external_case_accepted", _("outside case accepted there")
        EXTERNAL_CASE_RECOUNTED = "external_case_recounted", _("outside case counted anew")
        EXTERNAL_CASE_SETTLED = "external_case_settled", _("outside case settled")
        CONTACT_REVEALED = "contact_revealed", _("contact data looked at")
        OUTAGE_LINKED = "outage_linked", _("linked to an outage")
        BANK_DETAILS_ASKED = "bank_details_asked", _("bank details asked for")
        BANK_DETAILS_GIVEN = "bank_details_given", _("bank details given")
        TRANSFER_PROPOSED = "transfer_proposed", _("bank transfer proposed")
        TRANSFER_APPROVED = "transfer_approved", _("bank transfer approved")
        TRANSFER_DECLINED = "transfer_declined", _("bank transfer declined")
        TRANSFER_VOIDED = "transfer_voided", _("approval void: the bank details changed")
        TRANSFER_PAID = "transfer_paid", _("bank transfer made")

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="events")
    seq = models.PositiveIntegerField(_("no."))
    kind = models.CharField(_("kind"), max_length=28, choices=Kind.choices)
    #: "customer", "system" or "staff:<user id>": a label that outlives a deleted user.
    actor = models.CharField(_("actor"), max_length=150)
    at = models.DateTimeField(_("at"))
    data = models.JSONField(_("data"), default=dict)
    #: The deadline that a deadline_fired event tells of.
    deadline = models.ForeignKey(
        Deadline, on_delete=models.PROTECT, null=True, blank=True, related_name="events"
    )
    prev_hash = models.CharField(_("previous hash"), max_length=64, blank=True)
    hash = models.CharField(_("hash"), max_length=64)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["ticket_id", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["ticket", "seq"], name="event_seq_once"),
            # The database itself refuses to fire one deadline twice.
            models.UniqueConstraint(
                fields=["deadline"],
                condition=Q(kind="deadline_fired"),
                name="event_deadline_fires_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id}#{self.seq} {self.kind}"
