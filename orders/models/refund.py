import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orders.models.payment import Payment, whole_fen

#: Namespace of refund numbers. Changing it would let a refund be paid twice: never change it.
REFUND_NAMESPACE = uuid.UUID("7a1d52f4-3b0c-5d84-9c53-0f6f7f1c2a55")


class Refund(models.Model):
    """One intent to give money back, with one number that never changes.

    The number is derived from what the refund is for, never from a sequence: after a restore or a
    failover the same intent gets the same number, and the channel answers instead of paying again.
    """

    class State(models.TextChoices):
        PLANNED = "planned", _("planned")
        REQUESTED = "requested", _("requested")
        ACCEPTED = "accepted", _("accepted by the channel")
        UNKNOWN = "unknown", _("outcome unknown")
        SUCCEEDED = "succeeded", _("succeeded")
        REJECTED = "rejected", _("rejected")
        MANUAL = "manual", _("in people's hands")

    #: States that hold their amount reserved on the payment.
    HOLDING_STATES = (
        State.PLANNED,
        State.REQUESTED,
        State.ACCEPTED,
        State.UNKNOWN,
        State.MANUAL,
    )

    class Purpose(models.TextChoices):
        REMEDY = "remedy", _("remedy given by staff")
        COMMITMENT = "commitment", _("24-hour promise")
        OUTAGE = "outage", _("batch for an outage")

    refund_no = models.CharField(_("refund number"), max_length=64, unique=True)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    #: Whose wish this is, opaque to this app (a ticket's uuid), and which round of it.
    origin = models.UUIDField(_("origin"))
    purpose = models.CharField(_("purpose"), max_length=16, choices=Purpose.choices)
    cycle = models.PositiveSmallIntegerField(_("cycle"), default=1)
    generation = models.PositiveSmallIntegerField(_("generation"), default=1)
    #: The refund that this one replaces: its channel closed that number for good, unpaid.
    replaces = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="replaced_by",
        verbose_name=_("replaces"),
    )
    amount_fen = models.PositiveBigIntegerField(_("amount (fen)"))
    #: What really went back; null until it is settled.
    paid_fen = models.PositiveBigIntegerField(_("paid back (fen)"), null=True, blank=True)
    state = models.CharField(_("state"), max_length=16, choices=State.choices)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    requested_by = models.CharField(_("requested by"), max_length=150)
    #: Set while a planned refund waits for a decision: it is reserved but may not be sent.
    held = models.BooleanField(_("held for a decision"), default=False)
    #: Paid although the supplier never confirmed that it will not deliver.
    at_risk = models.BooleanField(_("at risk of a late delivery"), default=False)

    #: The channel will never pay under this number again; the next try needs another one.
    number_closed = models.BooleanField(_("number closed"), default=False)

    outcome = models.CharField(_("last outcome"), max_length=16, blank=True)
    retryable = models.BooleanField(_("retryable"), default=False)
    code = models.CharField(_("channel code"), max_length=64, blank=True)
    message = models.CharField(_("channel message"), max_length=500, blank=True)
    channel_refund_no = models.CharField(_("channel refund number"), max_length=64, blank=True)

    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    #: Consecutive queries that found nothing since the last send.
    not_found_count = models.PositiveSmallIntegerField(_("not found in a row"), default=0)
    #: Passing refusals in a row (balance too low, too many calls).
    refusals = models.PositiveSmallIntegerField(_("refusals in a row"), default=0)
    #: When the desk next sends or asks; pushed ahead while a worker holds the refund.
    next_attempt_at = models.DateTimeField(_("next attempt at"), null=True, blank=True)
    planned_at = models.DateTimeField(_("planned at"))
    requested_at = models.DateTimeField(_("requested at"), null=True, blank=True)
    last_sent_at = models.DateTimeField(_("last sent at"), null=True, blank=True)
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        ordering = ["-id"]
        permissions = [("settle_refund_by_hand", _("Can settle a refund by hand"))]
        constraints = [
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="refund_amount_positive"),
            models.CheckConstraint(
                condition=whole_fen("amount_fen", "paid_fen"), name="refund_whole_fen"
            ),
            models.UniqueConstraint(
                fields=["origin", "purpose", "cycle", "payment", "generation"],
                name="refund_intent_once",
            ),
            models.UniqueConstraint(
                fields=["origin", "purpose", "cycle", "payment"],
                condition=Q(state__in=["planned", "requested", "accepted", "unknown", "manual"]),
                name="refund_one_live_per_intent",
            ),
        ]
        indexes = [
            # Read by orders.refunds.rescue_refunds.
            models.Index(
                fields=["next_attempt_at"],
                name="refund_next_attempt",
                condition=Q(next_attempt_at__isnull=False),
            ),
            # Read by the ticket page and by commitment.decide.
            models.Index(fields=["origin"], name="refund_origin"),
            # Read by the watchdog and by /metrics: what is not settled.
            models.Index(
                fields=["state", "requested_at"],
                name="refund_unsettled",
                condition=Q(state__in=["planned", "requested", "accepted", "unknown", "manual"]),
            ),
            # Read by the dashboard's account of the night.
            models.Index(
                fields=["requested_at"],
                name="refund_by_the_desk",
                condition=Q(purpose="commitment"),
            ),
        ]

    def __str__(self) -> str:
        return self.refund_no

    @property
    def is_live(self) -> bool:
        return self.state in self.HOLDING_STATES

    @property
    def is_to_be_sent(self) -> bool:
        """The next call sends it; anything else only asks what became of it."""
        return self.state == self.State.REQUESTED and self.last_sent_at is None


def refund_number(
    *, origin: uuid.UUID, purpose: str, cycle: int, payment_uuid: str, generation: int
) -> str:
    """This function will derive the number of a refund from its business identity."""
    identity = f"{origin}:{purpose}:{cycle}:{payment_uuid}:{generation}"
    return f"RF{uuid.uuid5(REFUND_NAMESPACE, identity).hex}"


class RefundCall(models.Model):
    """One call to a channel about a refund: what was asked, what came back."""

    class Operation(models.TextChoices):
        REQUEST = "request", _("request")
        QUERY = "query", _("query")
        NOTIFY = "notify", _("notify")
        ABNORMAL = "abnormal", _("other route for an abnormal refund")

    refund = models.ForeignKey(Refund, on_delete=models.CASCADE, related_name="calls")
    operation = models.CharField(_("operation"), max_length=16, choices=Operation.choices)
    at = models.DateTimeField(_("at"))
    outcome = models.CharField(_("outcome"), max_length=16)
    retryable = models.BooleanField(_("retryable"), default=False)
    code = models.CharField(_("code"), max_length=64, blank=True)
    message = models.CharField(_("message"), max_length=500, blank=True)
    request_id = models.CharField(_("request id"), max_length=128, blank=True)
    #: The channel's answer with names, accounts and signatures masked.
    payload = models.JSONField(_("masked payload"), default=dict)

    class Meta:
        verbose_name = _("refund call")
        verbose_name_plural = _("refund calls")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.refund_id} {self.operation} {self.outcome}"
