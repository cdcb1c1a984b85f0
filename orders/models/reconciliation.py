from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orders.models.payment import Payment
from orders.models.refund import Refund

#: The channels' days begin and end here.
BEIJING = ZoneInfo("Asia/Shanghai")


class ReconciliationRun(models.Model):
    """One comparison of a channel's bill with our records, or the attempt at one."""

    class State(models.TextChoices):
        COMPARED = "compared", _("compared")
        NO_STATEMENT = "no_statement", _("no bill")
        UNREADABLE = "unreadable", _("bill unreadable")

    channel = models.CharField(_("channel"), max_length=16, choices=Payment.Channel.choices)
    #: Beijing's day, whose bill it is.
    day = models.DateField(_("day"))
    state = models.CharField(_("state"), max_length=16, choices=State.choices)
    #: "channel", or the name of the file that was given.
    source = models.CharField(_("source"), max_length=200)
    sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True)
    account = models.CharField(_("merchant account"), max_length=64, blank=True)
    #: Whether the next day's bill was there to look into.
    is_complete = models.BooleanField(_("with the next day's bill"), default=False)
    message = models.CharField(_("message"), max_length=500, blank=True)
    lines = models.PositiveIntegerField(_("lines on the bill"), default=0)
    #: All that is on the bill, and all of ours of that day up to the time of the comparison.
    their_payments = models.PositiveIntegerField(_("payments on the bill"), default=0)
    their_payments_fen = models.PositiveBigIntegerField(_("payments on the bill (fen)"), default=0)
    their_refunds = models.PositiveIntegerField(_("refunds on the bill"), default=0)
    their_refunds_fen = models.PositiveBigIntegerField(_("refunds on the bill (fen)"), default=0)
    our_payments = models.PositiveIntegerField(_("our payments"), default=0)
    our_payments_fen = models.PositiveBigIntegerField(_("our payments (fen)"), default=0)
    our_refunds = models.PositiveIntegerField(_("our refunds"), default=0)
    our_refunds_fen = models.PositiveBigIntegerField(_("our refunds (fen)"), default=0)
    matched = models.PositiveIntegerField(_("matched"), default=0)
    matched_payments_fen = models.PositiveBigIntegerField(_("matched payments (fen)"), default=0)
    matched_refunds_fen = models.PositiveBigIntegerField(_("matched refunds (fen)"), default=0)
    posted_elsewhere = models.PositiveIntegerField(_("on a neighbouring day's bill"), default=0)
    #: Differences of this run that nobody has signed off; those that wait are counted apart.
    ours_only = models.PositiveIntegerField(_("ours only"), default=0)
    theirs_only = models.PositiveIntegerField(_("theirs only"), default=0)
    amount_differs = models.PositiveIntegerField(_("amount differs"), default=0)
    other = models.PositiveIntegerField(_("other differences"), default=0)
    waiting = models.PositiveIntegerField(_("waiting"), default=0)
    signed_off = models.PositiveIntegerField(_("signed off"), default=0)
    requested_by = models.CharField(_("requested by"), max_length=150)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("reconciliation")
        verbose_name_plural = _("reconciliations")
        ordering = ["-id"]
        indexes = [
            # Read by orders.reconciling.nightly.find_due_days.
            models.Index(fields=["channel", "day"], name="reconciliation_day"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.day}"

    @property
    def counted_until(self) -> datetime:
        """Our entries are those of the day up to here: its end, or the comparison itself."""
        end = datetime.combine(self.day + timedelta(days=1), time.min, tzinfo=BEIJING)
        return min(end, self.at)

    @property
    def differences_count(self) -> int:
        return self.ours_only + self.theirs_only + self.amount_differs + self.other


class ReconciliationDifference(models.Model):
    """One thing on which a channel's bill and our records do not agree, until it is explained.

    Found again by a later run it is the same row, so what was signed off stays so; no longer
    found, it is cleared.
    """

    class Kind(models.TextChoices):
        OURS_ONLY = "ours_only", _("ours only")
        THEIRS_ONLY = "theirs_only", _("theirs only")
        AMOUNT_DIFFERS = "amount_differs", _("amount differs")
        STATE_DIFFERS = "state_differs", _("state differs")
        PAYMENT_DIFFERS = "payment_differs", _("another payment")
        DAY_DIFFERS = "day_differs", _("another day")
        DUPLICATE = "duplicate", _("on the bill twice")
        UNKNOWN_ROW = "unknown_row", _("unknown kind of row")

    class State(models.TextChoices):
        WAITING = "waiting", _("waits for the next bill")
        OPEN = "open", _("open")
        CLEARED = "cleared", _("cleared by itself")
        SIGNED_OFF = "signed_off", _("signed off")

    class Subject(models.TextChoices):
        PAYMENT = "payment", _("payment")
        REFUND = "refund", _("refund")
        UNKNOWN = "unknown", _("unknown")

    #: The latest run that found it.
    run = models.ForeignKey(
        ReconciliationRun,
        on_delete=models.PROTECT,
        related_name="differences",
        verbose_name=_("reconciliation"),
    )
    channel = models.CharField(_("channel"), max_length=16, choices=Payment.Channel.choices)
    day = models.DateField(_("day"))
    #: What makes it the same difference when it is found again.
    key = models.CharField(_("key"), max_length=250)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    state = models.CharField(_("state"), max_length=16, choices=State.choices)
    subject = models.CharField(_("subject"), max_length=8, choices=Subject.choices)
    #: The refund number or trade number by which both sides find it.
    number = models.CharField(_("number"), max_length=128)
    trade_no = models.CharField(_("trade number"), max_length=128, blank=True)
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, related_name="differences"
    )
    refund = models.ForeignKey(
        Refund, on_delete=models.PROTECT, null=True, related_name="differences"
    )
    ours_fen = models.PositiveBigIntegerField(_("ours (fen)"), null=True)
    theirs_fen = models.PositiveBigIntegerField(_("theirs (fen)"), null=True)
    ours_state = models.CharField(_("our state"), max_length=64, blank=True)
    theirs_state = models.CharField(_("their state"), max_length=64, blank=True)
    ours_at = models.DateTimeField(_("our time"), null=True)
    theirs_at = models.DateTimeField(_("their time"), null=True)
    #: The line in the file.
    line = models.PositiveIntegerField(_("line"), null=True)
    found_at = models.DateTimeField(_("found at"))
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    closed_by = models.CharField(_("closed by"), max_length=150, blank=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("difference")
        verbose_name_plural = _("differences")
        ordering = ["-id"]
        permissions = [("sign_off_difference", "Can sign off a difference")]
        constraints = [
            models.UniqueConstraint(fields=["channel", "day", "key"], name="difference_once"),
        ]
        indexes = [
            # Read by orders.reconciling.nightly.find_due_days and by the report page.
            models.Index(
                fields=["channel", "day"],
                name="difference_unexplained",
                condition=Q(state__in=["open", "waiting"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"

    @property
    def is_unexplained(self) -> bool:
        return self.state in (self.State.OPEN, self.State.WAITING)
