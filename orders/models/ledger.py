import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from orders.models.order import Order
from orders.models.payment import Payment, whole_fen
from orders.models.refund import Refund
from orders.models.topup import TopUp


class LedgerEntry(models.Model):
    """One line of a journal. The lines of a journal add up to zero; none is ever changed.

    Written by orders.ledger alone, in the transaction that moves the payment's counters. The
    database refuses UPDATE and DELETE; PostgreSQL also refuses a journal that is not balanced.
    """

    class Kind(models.TextChoices):
        OPENING = "opening", _("opening balance")
        RESERVE = "reserve", _("reserved")
        SETTLE = "settle", _("paid back")
        RELEASE = "release", _("reservation released")
        RECOURSE = "recourse", _("claimed from the supplier")
        COMPENSATION = "compensation", _("borne by the shop")

    journal = models.UUIDField(_("journal"), default=uuid.uuid4)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    #: payments_received, customer_refunds_reserved, refunds_paid:<channel>, recourse:<supplier>,
    #: recovered:<supplier>, compensation, goods_delivered.
    account = models.CharField(_("account"), max_length=64)
    amount_fen = models.BigIntegerField(_("amount (fen)"))
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="ledger_entries")
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, related_name="ledger_entries"
    )
    refund = models.ForeignKey(
        Refund, on_delete=models.PROTECT, null=True, related_name="ledger_entries"
    )
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger entries")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=~Q(amount_fen=0), name="ledger_no_empty_line"),
            models.CheckConstraint(condition=whole_fen("amount_fen"), name="ledger_whole_fen"),
        ]
        indexes = [
            # Read by the check that a journal adds up to zero.
            models.Index(fields=["journal"], name="ledger_journal"),
            # Read by orders.ledger.get_balance and by the reconciliation of a day.
            models.Index(fields=["account", "at"], name="ledger_account"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.account} {self.amount_fen}"


class Recourse(models.Model):
    """What the supplier owes the shop: credit that it delivered, or claims to have delivered, for
    an order whose money went back. The customer is never debited."""

    class Reason(models.TextChoices):
        LATE_ARRIVAL = "late_arrival", _("arrived after the refund")
        UNPROVEN = "unproven", _("success without proof")

    class State(models.TextChoices):
        OPEN = "open", _("open")
        RECOVERED = "recovered", _("recovered")
        BORNE = "borne", _("borne by the shop")

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="recourses")
    top_up = models.ForeignKey(TopUp, on_delete=models.PROTECT, related_name="recourses")
    supplier = models.CharField(_("supplier"), max_length=32)
    reason = models.CharField(_("reason"), max_length=16, choices=Reason.choices)
    amount_fen = models.PositiveBigIntegerField(_("amount (fen)"))
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.OPEN)
    opened_at = models.DateTimeField(_("opened at"))
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    closed_by = models.CharField(_("closed by"), max_length=150, blank=True)
    note = models.CharField(_("note"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("recourse")
        verbose_name_plural = _("recourses")
        ordering = ["-id"]
        indexes = [
            # Read by the list of what suppliers still owe.
            models.Index(fields=["supplier"], name="recourse_open", condition=Q(state="open")),
        ]

    def __str__(self) -> str:
        return f"{self.supplier} {self.amount_fen}"


class MoneyAlarm(models.Model):
    """Something about money that the desk cannot put right by itself and a person must look at."""

    class Kind(models.TextChoices):
        AMOUNT_DIFFERS = "amount_differs", _("another amount than asked was paid")
        LATE_SUCCESS = "late_success", _("paid after it had counted as rejected")
        PAID_TWICE = "paid_twice", _("paid by the channel and in another way")
        CONTRADICTED = "contradicted", _("the channel takes back that it paid")
        BILL_DIFFERS = "bill_differs", _("a channel's bill and our records differ")
        BILL_MISSING = "bill_missing", _("a channel's bill is missing or unreadable")

    #: Of a whole day; all others are about one refund.
    BILL_KINDS = (Kind.BILL_DIFFERS, Kind.BILL_MISSING)

    kind = models.CharField(_("kind"), max_length=24, choices=Kind.choices)
    refund = models.ForeignKey(
        Refund, on_delete=models.PROTECT, null=True, blank=True, related_name="alarms"
    )
    #: For alarms of a bill: whose, of which day, and the latest comparison that found it.
    channel = models.CharField(_("channel"), max_length=16, blank=True)
    day = models.DateField(_("day"), null=True, blank=True)
    run = models.ForeignKey(
        "orders.ReconciliationRun",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="alarms",
        verbose_name=_("reconciliation"),
    )
    #: Alarms of a bill belong to no dispute: supervisors are told of the row itself, again after
    #: each news (null). A refund's alarm is told by its order event.
    told_at = models.DateTimeField(_("told at"), null=True, blank=True)
    #: Whether the books hold what the channel did; if not, this row alone does.
    is_booked = models.BooleanField(_("booked"))
    #: What the channel says it paid; for a bill the sum of what is not explained.
    amount_fen = models.PositiveBigIntegerField(_("amount (fen)"))
    code = models.CharField(_("channel code"), max_length=64, blank=True)
    raised_at = models.DateTimeField(_("raised at"))
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    closed_by = models.CharField(_("closed by"), max_length=150, blank=True)
    note = models.CharField(_("note"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("money alarm")
        verbose_name_plural = _("money alarms")
        ordering = ["-id"]
        constraints = [
            # The same news told twice is one alarm.
            models.UniqueConstraint(
                fields=["refund", "kind"],
                condition=Q(closed_at__isnull=True),
                name="alarm_open_once",
            ),
            models.UniqueConstraint(
                fields=["channel", "day", "kind"],
                condition=Q(closed_at__isnull=True, day__isnull=False),
                name="alarm_open_once_a_bill",
            ),
            models.CheckConstraint(
                condition=Q(refund__isnull=False, day__isnull=True, run__isnull=True)
                | Q(refund__isnull=True, day__isnull=False, run__isnull=False),
                name="alarm_of_refund_or_bill",
            ),
        ]
        indexes = [
            # Read every second by tickets.money_alarms.
            models.Index(
                fields=["id"],
                name="alarm_untold",
                condition=Q(day__isnull=False, told_at__isnull=True, closed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.refund_id or f'{self.channel} {self.day}'}"


class HandSettlement(models.Model):
    """Two people's word for what became of a refund that no channel can settle."""

    class State(models.TextChoices):
        PROPOSED = "proposed", _("waits for a second person")
        APPROVED = "approved", _("approved")
        DECLINED = "declined", _("declined")

    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, related_name="hand_settlements")
    #: True: the money was given back in another way. False: it certainly was not.
    paid = models.BooleanField(_("paid"))
    #: Where the proof is kept: the bank's receipt, the channel's letter.
    proof = models.CharField(_("proof"), max_length=200)
    note = models.CharField(_("note"), max_length=500, blank=True)
    state = models.CharField(
        _("state"), max_length=16, choices=State.choices, default=State.PROPOSED
    )
    proposed_by = models.CharField(_("proposed by"), max_length=150)
    proposed_at = models.DateTimeField(_("proposed at"))
    decided_by = models.CharField(_("decided by"), max_length=150, blank=True)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)

    class Meta:
        verbose_name = _("settlement by hand")
        verbose_name_plural = _("settlements by hand")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(decided_by=F("proposed_by")), name="hand_settlement_four_eyes"
            ),
            models.UniqueConstraint(
                fields=["refund"],
                condition=Q(state="proposed"),
                name="hand_settlement_one_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.refund_id} {self.state}"
