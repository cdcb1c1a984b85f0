from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orders.models.order import Order


class ProofLevel(models.IntegerChoices):
    """How well a delivery is proven. A dispute closes as delivered only at VOUCHER or better."""

    NONE = 0, _("none")
    SUPPLIER_SAYS_SO = 1, _("supplier says so")
    VOUCHER = 2, _("supplier voucher number")
    RECORD = 3, _("operator or customer record")


class TopUp(models.Model):
    """One attempt to deliver an order through a supplier."""

    class State(models.TextChoices):
        PLANNED = "planned", _("planned")
        SUBMITTED = "submitted", _("submitted")
        PENDING = "pending", _("under way")
        SUCCEEDED = "succeeded", _("succeeded")
        PARTIAL = "partial", _("partly delivered")
        FAILED = "failed", _("failed")
        UNKNOWN = "unknown", _("outcome unknown")
        REVERSED = "reversed", _("reversed by the supplier")

    #: States in which the supplier may still deliver: no second attempt may start.
    LIVE_STATES = (State.PLANNED, State.SUBMITTED, State.PENDING, State.UNKNOWN)

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="top_ups")
    #: Our number for this attempt at the supplier: its idempotency key, fixed before the call.
    top_up_no = models.CharField(_("top-up number"), max_length=64, unique=True)
    attempt = models.PositiveSmallIntegerField(_("attempt"))
    supplier = models.CharField(_("supplier"), max_length=32)
    supplier_order_no = models.CharField(_("supplier's order number"), max_length=64, blank=True)
    face_value_fen = models.PositiveBigIntegerField(_("face value (fen)"))
    delivered_face_fen = models.PositiveBigIntegerField(_("delivered face value (fen)"), default=0)
    state = models.CharField(_("state"), max_length=16, choices=State.choices)
    proof_level = models.PositiveSmallIntegerField(
        _("proof level"), choices=ProofLevel.choices, default=ProofLevel.NONE
    )
    voucher_no = models.CharField(_("voucher number"), max_length=128, blank=True)
    message = models.CharField(_("message"), max_length=500, blank=True)
    submitted_at = models.DateTimeField(_("submitted at"), null=True, blank=True)
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)
    #: The supplier's own time of its last word that counts: an older one is old news.
    told_at = models.DateTimeField(_("supplier's word of"), null=True, blank=True)
    #: When the desk next asks the supplier; null when there is nothing left to ask.
    next_attempt_at = models.DateTimeField(_("next query at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("top-up")
        verbose_name_plural = _("top-ups")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["order", "attempt"], name="topup_attempt_once"),
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(state__in=["planned", "submitted", "pending", "unknown"]),
                name="topup_one_live_per_order",
            ),
        ]
        indexes = [
            # Read by orders.topups.rescue_top_ups.
            models.Index(
                fields=["next_attempt_at"],
                name="topup_next_attempt",
                condition=Q(next_attempt_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.top_up_no


class DeliveryRecord(models.Model):
    """What an operator, a game or the customer says of the arrival: the strongest proof, or a
    contrary record that no supplier's word outweighs."""

    class Source(models.TextChoices):
        OPERATOR = "operator", _("operator record")
        CUSTOMER = "customer", _("customer's word")
        SHOP = "shop", _("shop record")

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="delivery_records")
    arrived = models.BooleanField(_("arrived"))
    voucher_no = models.CharField(_("voucher number"), max_length=128, blank=True)
    source = models.CharField(_("source"), max_length=64)
    at = models.DateTimeField(_("at"))
    recorded_at = models.DateTimeField(_("recorded at"))

    class Meta:
        verbose_name = _("delivery record")
        verbose_name_plural = _("delivery records")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.order_id} {'arrived' if self.arrived else 'not arrived'}"
