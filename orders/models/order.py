import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Order(models.Model):
    """What a customer bought: one product for one account, as the shop last told us."""

    class Status(models.TextChoices):
        AWAITING_PAYMENT = "awaiting_payment", _("awaiting payment")
        PAID = "paid", _("paid, not sent yet")
        RECHARGING = "recharging", _("top-up under way")
        DELIVERED = "delivered", _("delivered")
        PARTIALLY_DELIVERED = "partially_delivered", _("partly delivered")
        FAILED = "failed", _("top-up failed")
        UNKNOWN = "unknown", _("outcome unknown")

    class ProductKind(models.TextChoices):
        INSTANT = "instant", _("instant")
        SLOW = "slow", _("slow charge")
        PRESALE = "presale", _("presale")

    class Source(models.TextChoices):
        SHOP_API = "shop_api", _("shop API")
        CSV = "csv", _("imported file")
        DUJIAOKA = "dujiaoka", _("dujiaoka shop")
        ACG_FAKA = "acg-faka", _("acg-faka shop")
        DEMO = "demo", _("demo shop")
        DRILL = "drill", _("drill")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    order_no = models.CharField(_("order number"), max_length=64, unique=True)
    source = models.CharField(_("source"), max_length=16, choices=Source.choices)

    product_code = models.CharField(_("product code"), max_length=64)
    product_name = models.CharField(_("product"), max_length=200)
    product_kind = models.CharField(
        _("product kind"), max_length=16, choices=ProductKind.choices, default=ProductKind.INSTANT
    )
    arrival_within = models.DurationField(_("promised arrival within"))

    #: Empty for card codes, where the goods are the code itself.
    target_account = models.CharField(_("target account"), max_length=128, blank=True)
    face_value_fen = models.PositiveBigIntegerField(_("face value (fen)"))
    price_fen = models.PositiveBigIntegerField(_("price (fen)"))
    #: What the supplier delivered of a partial delivery, in fen of face value.
    delivered_face_fen = models.PositiveBigIntegerField(_("delivered face value (fen)"), default=0)

    customer_name = models.CharField(_("customer name"), max_length=100, blank=True)
    customer_phone = models.CharField(_("customer phone"), max_length=32, blank=True)
    customer_email = models.EmailField(_("customer e-mail"), blank=True)
    #: The shop's own account id of the buyer, meaningless to us.
    buyer_ref = models.CharField(_("buyer reference"), max_length=128, blank=True)
    reseller = models.BooleanField(_("bought by a reseller"), default=False)

    status = models.CharField(
        _("status"), max_length=24, choices=Status.choices, default=Status.AWAITING_PAYMENT
    )
    supplier = models.CharField(_("supplier"), max_length=32, blank=True)
    #: Whether the customer confirmed account and product before paying (E-Commerce Law art. 50).
    confirmed_input = models.BooleanField(_("input confirmed by the customer"), default=False)
    rule_version = models.CharField(_("rule version"), max_length=32, blank=True)
    #: Set once the customer has seen the card code: it can no longer be taken back.
    code_revealed_at = models.DateTimeField(_("card code revealed at"), null=True, blank=True)

    #: The instant whose truth the facts above state, as their source said.
    facts_as_of = models.DateTimeField(_("facts as of"))
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(delivered_face_fen__lte=models.F("face_value_fen")),
                name="order_delivered_within_face_value",
            ),
        ]
        indexes = [
            # Read by the list of one buyer's orders and by the per-party limits.
            models.Index(fields=["buyer_ref"], name="order_buyer", condition=~Q(buyer_ref="")),
        ]

    def __str__(self) -> str:
        return self.order_no

    @property
    def is_card_code(self) -> bool:
        return not self.target_account

    def account_tails(self) -> list[str]:
        """The last four characters that identify the customer: of account, phone or e-mail.

        Of an e-mail address those before the @: what stands behind it, anybody could guess.
        """
        known = (self.target_account, self.customer_phone, self.customer_email)
        names = [value.rpartition("@")[0] or value for value in known]
        return [name[-4:] for name in names if len(name) >= 4]


class OrderEvent(models.Model):
    """A fact about an order that others may act on: history for people, outbox for programs.

    Written in the transaction that made the fact; whoever consumes it re-reads the facts, so a
    row may be handled late, twice or out of order without harm.
    """

    class Kind(models.TextChoices):
        FACTS_CHANGED = "facts_changed", _("facts changed")
        DELIVERY_RECORDED = "delivery_recorded", _("delivery recorded")
        TOP_UP_SUBMITTED = "top_up_submitted", _("top-up submitted")
        TOP_UP_DELIVERED = "top_up_delivered", _("top-up delivered")
        TOP_UP_FAILED = "top_up_failed", _("top-up failed")
        REFUND_PLANNED = "refund_planned", _("refund planned")
        REFUND_SETTLED = "refund_settled", _("refund settled")
        REFUND_REJECTED = "refund_rejected", _("refund rejected")
        REFUND_MANUAL = "refund_manual", _("refund handed to people")
        REFUND_DELAYED = "refund_delayed", _("refund has to wait")
        REFUND_ALARM = "refund_alarm", _("something is wrong with a refund")
        RECOURSE_OPENED = "recourse_opened", _("claim on the supplier opened")

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(_("kind"), max_length=24, choices=Kind.choices)
    at = models.DateTimeField(_("at"))
    data = models.JSONField(_("data"), default=dict)
    consumed_at = models.DateTimeField(_("consumed at"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    #: Not handed out again before this instant (after a failure).
    not_before = models.DateTimeField(_("not before"))

    class Meta:
        verbose_name = _("order event")
        verbose_name_plural = _("order events")
        ordering = ["id"]
        indexes = [
            # Read by tickets.order_events.consume_order_events.
            models.Index(
                fields=["not_before", "id"],
                name="order_event_unconsumed",
                condition=Q(consumed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.kind}"
