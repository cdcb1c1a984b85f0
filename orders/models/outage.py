"""Disturbances of a supplier, a channel or a product, and the refunds given to all they hit."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from orders.models.order import Order
from orders.models.payment import Payment


class Outage(models.Model):
    """Something that keeps many orders from arriving. What is left blank does not narrow it."""

    title = models.CharField(_("title"), max_length=100)
    supplier = models.CharField(_("supplier"), max_length=32, blank=True)
    channel = models.CharField(
        _("payment channel"), max_length=16, choices=Payment.Channel.choices, blank=True
    )
    product_code = models.CharField(_("product code"), max_length=64, blank=True)
    started_at = models.DateTimeField(_("started at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    #: What customers read, in both languages; nothing is public before ``published_at``.
    text_zh = models.CharField(_("public text, Chinese"), max_length=500, blank=True)
    text_en = models.CharField(_("public text, English"), max_length=500, blank=True)
    published_at = models.DateTimeField(_("published at"), null=True, blank=True)

    declared_by = models.CharField(_("declared by"), max_length=150)
    declared_at = models.DateTimeField(_("declared at"))

    class Meta:
        verbose_name = _("outage")
        verbose_name_plural = _("outages")
        ordering = ["-id"]
        permissions = [("declare_outage", _("Can declare outages"))]
        constraints = [
            models.CheckConstraint(
                condition=~Q(supplier="") | ~Q(channel="") | ~Q(product_code=""),
                name="outage_has_a_scope",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")),
                name="outage_ends_after_its_start",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_public(self) -> bool:
        return self.published_at is not None


class RefundBatch(models.Model):
    """Refunds of many orders of one outage: chosen by one supervisor, approved by another one.

    Its rows are what the first one saw and the second one approved; orders.batches decides about
    them, tickets.mass_refunds carries them out one by one.
    """

    class State(models.TextChoices):
        PROPOSED = "proposed", _("waits for a second supervisor")
        WORKING = "working", _("being carried out")
        PAUSED = "paused", _("paused")
        FINISHED = "finished", _("finished")
        DECLINED = "declined", _("declined")
        WITHDRAWN = "withdrawn", _("withdrawn")
        CANCELLED = "cancelled", _("cancelled")

    #: States in which its waiting rows keep their orders out of other batches.
    OPEN_STATES = (State.PROPOSED, State.WORKING, State.PAUSED)

    number = models.CharField(_("number"), max_length=20, unique=True)
    outage = models.ForeignKey(Outage, on_delete=models.PROTECT, related_name="batches")
    reason = models.CharField(_("reason"), max_length=200)
    #: What was looked for: supplier, channel, product_code, paid_from, paid_until.
    scope = models.JSONField(_("scope"), default=dict)
    #: SHA-256 over every row as it was shown.
    digest = models.CharField(_("digest"), max_length=64)
    count = models.PositiveIntegerField(_("orders"))
    amount_fen = models.PositiveBigIntegerField(_("amount (fen)"))
    excluded = models.PositiveIntegerField(_("left out"), default=0)
    state = models.CharField(
        _("state"), max_length=12, choices=State.choices, default=State.PROPOSED
    )
    proposed_by = models.CharField(_("proposed by"), max_length=150)
    proposed_at = models.DateTimeField(_("proposed at"))
    decided_by = models.CharField(_("decided by"), max_length=150, blank=True)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decision_reason = models.CharField(_("reason of the decision"), max_length=200, blank=True)
    #: Who last paused, resumed, withdrew or cancelled it, and why.
    stopped_by = models.CharField(_("stopped or resumed by"), max_length=150, blank=True)
    stopped_at = models.DateTimeField(_("stopped or resumed at"), null=True, blank=True)
    stop_reason = models.CharField(_("why"), max_length=200, blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("batch of refunds")
        verbose_name_plural = _("batches of refunds")
        ordering = ["-id"]
        permissions = [("refund_batch", _("Can propose and approve batches of refunds"))]
        constraints = [
            models.CheckConstraint(
                condition=~Q(decided_by=F("proposed_by")), name="batch_four_eyes"
            ),
            # Whatever a program does: nothing is carried out that nobody else has approved.
            models.CheckConstraint(
                condition=Q(state__in=["proposed", "withdrawn"]) | ~Q(decided_by=""),
                name="batch_works_only_when_decided",
            ),
        ]

    def __str__(self) -> str:
        return self.number


class BatchRow(models.Model):
    """One order of a batch: what it was to be given when it was shown, and what became of it."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENT = "sent", _("under way")
        DONE = "done", _("refunded")
        FAILED = "failed", _("refused by the channel")
        BY_HAND = "by_hand", _("in people's hands")
        SKIPPED = "skipped", _("skipped")
        EXCLUDED = "excluded", _("left out from the start")

    #: States that keep an order out of every other batch.
    LIVE_STATES = (State.WAITING, State.SENT)

    batch = models.ForeignKey(RefundBatch, on_delete=models.PROTECT, related_name="rows")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="batch_rows")
    amount_fen = models.PositiveBigIntegerField(_("amount (fen)"))
    #: Of the payment that is given back first: its channel's pace is respected.
    channel = models.CharField(_("channel"), max_length=16, choices=Payment.Channel.choices)
    state = models.CharField(
        _("state"), max_length=12, choices=State.choices, default=State.WAITING
    )
    #: Why it was left out or skipped: a code of orders.batches.
    reason = models.CharField(_("why"), max_length=32, blank=True)
    detail = models.CharField(_("detail"), max_length=200, blank=True)
    #: Identity of its refunds (orders.Refund), once they are planned.
    origin = models.UUIDField(_("origin"), null=True, blank=True)
    cycle = models.PositiveSmallIntegerField(_("cycle"), default=1)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    #: Not taken up before this instant; pushed ahead while a worker holds it.
    not_before = models.DateTimeField(_("not before"))
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)

    class Meta:
        verbose_name = _("row of a batch")
        verbose_name_plural = _("rows of batches")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "order"], name="batch_row_order_once"),
            # Two overlapping batches never work on the same order.
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(state__in=["waiting", "sent"]),
                name="batch_row_one_live_per_order",
            ),
        ]
        indexes = [
            # Read by tickets.mass_refunds.claim_row.
            models.Index(
                fields=["batch", "not_before"],
                name="batch_row_waiting",
                condition=Q(state="waiting"),
            ),
            # Read by orders.batches.follow_rows.
            models.Index(
                fields=["batch"],
                name="batch_row_followed",
                condition=Q(state__in=["sent", "by_hand"]),
            ),
            # Read by the page that shows a batch's progress.
            models.Index(fields=["batch", "state"], name="batch_row_progress"),
        ]

    def __str__(self) -> str:
        return f"{self.batch_id} {self.order_id}"


def new_batch_number(day: str) -> str:
    """This function will make a number for people: the day and five characters by chance."""
    return f"B{day}{uuid.uuid4().hex[:5].upper()}"
