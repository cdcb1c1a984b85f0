import operator
import uuid
from functools import reduce

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from orders.models.order import Order


def whole_fen(*names: str) -> Q:
    """This function will say that columns hold whole numbers. PostgreSQL's own type sees to that;
    SQLite would keep 1.5 or "12a" in a column of integers."""
    parts = (
        Q(**{f"{name}__isnull": True}) | Q(**{name: Cast(name, models.BigIntegerField())})
        for name in names
    )
    return reduce(operator.and_, parts)


class Payment(models.Model):
    """Money that came in for an order on one channel, and what of it has gone back.

    ``refunded_fen + reserved_fen <= amount_fen`` is the last wall against paying twice: a refund
    reserves its amount on this locked row before anything is sent anywhere.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("pending")
        PAID = "paid", _("paid")
        FAILED = "failed", _("failed")

    class Channel(models.TextChoices):
        ALIPAY = "alipay", _("Alipay")
        WECHATPAY = "wechatpay", _("WeChat Pay")
        SHOP = "shop", _("shop wallet")
        SANDBOX = "sandbox", _("sandbox")
        OFFLINE = "offline", _("offline transfer")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="payments")
    channel = models.CharField(_("channel"), max_length=16, choices=Channel.choices)
    channel_trade_no = models.CharField(_("channel trade number"), max_length=64, blank=True)
    merchant_trade_no = models.CharField(_("merchant trade number"), max_length=64, blank=True)
    amount_fen = models.PositiveBigIntegerField(_("amount (fen)"))
    status = models.CharField(_("status"), max_length=16, choices=Status.choices)
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)

    #: Written by orders.ledger alone, beside the entries that they always equal.
    #: Settled refunds, and refunds under way (planned, requested, accepted, unknown, manual).
    refunded_fen = models.PositiveBigIntegerField(_("refunded (fen)"), default=0)
    reserved_fen = models.PositiveBigIntegerField(_("reserved (fen)"), default=0)

    #: When a refund of this payment last went out: channels want some time between two.
    refund_sent_at = models.DateTimeField(_("refund last sent at"), null=True, blank=True)

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_fen__gte=F("refunded_fen") + F("reserved_fen")),
                name="payment_never_refunds_more_than_paid",
            ),
            models.CheckConstraint(
                condition=whole_fen("amount_fen", "refunded_fen", "reserved_fen"),
                name="payment_whole_fen",
            ),
            models.CheckConstraint(
                condition=~Q(channel_trade_no="") | ~Q(merchant_trade_no=""),
                name="payment_has_a_trade_number",
            ),
            models.UniqueConstraint(
                fields=["channel", "channel_trade_no"],
                condition=~Q(channel_trade_no=""),
                name="payment_channel_trade_no_once",
            ),
            models.UniqueConstraint(
                fields=["channel", "merchant_trade_no"],
                condition=~Q(merchant_trade_no=""),
                name="payment_merchant_trade_no_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.trade_no}"

    @property
    def trade_no(self) -> str:
        return self.channel_trade_no or self.merchant_trade_no

    @property
    def refundable_fen(self) -> int:
        return self.amount_fen - self.refunded_fen - self.reserved_fen
