from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from tickets.models.ticket import Ticket


class ExternalCase(models.Model):
    """A complaint about the same trouble that somebody else keeps, under a number of theirs.

    Its clocks are theirs as well: tickets.outside_clocks says where they come from. One Deadline
    of the ticket always stands for the earliest instant that any of its outside cases asks for.
    """

    class Channel(models.TextChoices):
        #: Settled between shop and customer on the 12315 platform, before any authority steps in.
        ODR = "odr", _("12315 online settlement (ODR)")
        SAMR = "samr", _("12315 complaint to the authority")
        WECHAT = "wechat", _("WeChat Pay complaint")
        OTHER = "other", _("another body")

    class Result(models.TextChoices):
        AGREED = "agreed", _("settled with the customer")
        NOT_AGREED = "not_agreed", _("no agreement")
        TAKEN_BACK = "taken_back", _("taken back by the customer")
        NOT_ACCEPTED = "not_accepted", _("not accepted by the authority")

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="external_cases")
    channel = models.CharField(_("where"), max_length=8, choices=Channel.choices)
    number = models.CharField(_("number there"), max_length=64)
    body = models.CharField(_("who keeps it"), max_length=100, blank=True)
    received_at = models.DateTimeField(_("received at"))
    attached_at = models.DateTimeField(_("attached at"))
    #: Actor label, as in events.
    attached_by = models.CharField(_("attached by"), max_length=150)
    #: Until when they want a first answer; null where they ask for none.
    reply_due_at = models.DateTimeField(_("answer due at"), null=True, blank=True)
    replied_at = models.DateTimeField(_("answered at"), null=True, blank=True)
    accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True)
    settle_due_at = models.DateTimeField(_("settlement due at"))
    #: Code of the rule in tickets.outside_clocks that gave ``settle_due_at``.
    rule = models.CharField(_("rule"), max_length=24)
    #: Counted through a year whose holidays are not announced yet.
    provisional = models.BooleanField(_("provisional"), default=False)

    #: The record that the ODR rules ask for: time, process, method, result.
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)
    process = models.TextField(_("how it went"), blank=True)
    method = models.CharField(_("settled by"), max_length=200, blank=True)
    result = models.CharField(_("result"), max_length=12, choices=Result.choices, blank=True)
    settled_by = models.CharField(_("recorded by"), max_length=150, blank=True)

    class Meta:
        verbose_name = _("outside case")
        verbose_name_plural = _("outside cases")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["channel", "number"], name="external_case_once"),
            models.CheckConstraint(
                condition=(Q(settled_at__isnull=True) & Q(result=""))
                | (Q(settled_at__isnull=False) & ~Q(result="")),
                name="external_case_settled_has_result",
            ),
            models.CheckConstraint(
                condition=Q(settle_due_at__gt=F("received_at")),
                name="external_case_due_after_receipt",
            ),
        ]
        indexes = [
            # Read by whoever asks whether a ticket still has one open.
            models.Index(
                fields=["ticket"], name="external_case_open", condition=Q(settled_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.number}"

    @property
    def is_open(self) -> bool:
        return self.settled_at is None

    @property
    def awaited(self) -> list[datetime]:
        """The instants at which something is still due."""
        if not self.is_open:
            return []
        reply = [self.reply_due_at] if self.reply_due_at and self.replied_at is None else []
        return [*reply, self.settle_due_at]
