from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from tickets.models.evidence import Evidence
from tickets.models.ticket import Ticket


class BankTransfer(models.Model):
    """Money that goes back by bank transfer, because the way it came is closed to it.

    The customer alone gives the account; one person proposes the transfer, another one approves
    it, and the bank's receipt settles the refunds. tickets.transfers writes it.
    """

    class State(models.TextChoices):
        ASKED = "asked", _("waits for the customer's bank details")
        READY = "ready", _("ready to be proposed")
        PROPOSED = "proposed", _("waits for a second person")
        APPROVED = "approved", _("approved, to be paid")
        PAID = "paid", _("paid")
        CALLED_OFF = "called_off", _("no longer needed")

    OPEN_STATES = (State.ASKED, State.READY, State.PROPOSED, State.APPROVED)

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="transfers")
    cycle = models.PositiveSmallIntegerField(_("cycle"))
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.ASKED)
    asked_at = models.DateTimeField(_("asked at"))
    #: What was proposed: how much, for which refunds, to which account. Empty before.
    amount_fen = models.PositiveBigIntegerField(_("amount (fen)"), default=0)
    refunds = models.JSONField(_("refund numbers"), default=list)
    details = models.ForeignKey(
        "tickets.BankDetails",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("bank details"),
    )
    note = models.CharField(_("note"), max_length=200, blank=True)
    proposed_by = models.CharField(_("proposed by"), max_length=150, blank=True)
    proposed_at = models.DateTimeField(_("proposed at"), null=True, blank=True)
    decided_by = models.CharField(_("decided by"), max_length=150, blank=True)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    #: The bank's receipt and its number for the transfer.
    proof = models.OneToOneField(
        Evidence,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="transfer",
        verbose_name=_("proof"),
    )
    bank_reference = models.CharField(_("bank's reference"), max_length=64, blank=True)
    paid_by = models.CharField(_("recorded by"), max_length=150, blank=True)
    #: When the desk received the proof: what the promise is judged by.
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)

    class Meta:
        verbose_name = _("bank transfer")
        verbose_name_plural = _("bank transfers")
        ordering = ["-id"]
        permissions = [
            ("approve_transfer", _("Can approve and record bank transfers")),
            ("reveal_bank_details", _("Can see full bank details, with a reason")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["ticket"],
                condition=Q(state__in=["asked", "ready", "proposed", "approved"]),
                name="transfer_one_open_per_ticket",
            ),
            models.CheckConstraint(
                condition=Q(decided_by="") | ~Q(decided_by=F("proposed_by")),
                name="transfer_four_eyes",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "paid"])
                | (~Q(decided_by="") & ~Q(proposed_by="") & Q(details__isnull=False)),
                name="transfer_paid_only_when_approved",
            ),
            models.CheckConstraint(
                condition=~Q(state="paid")
                | (Q(proof__isnull=False) & Q(paid_at__isnull=False) & ~Q(bank_reference="")),
                name="transfer_paid_only_with_proof",
            ),
            # One receipt of the bank settles one transfer.
            models.UniqueConstraint(
                fields=["bank_reference"],
                condition=~Q(bank_reference=""),
                name="transfer_bank_reference_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.state}"


class BankDetails(models.Model):
    """An account that a customer gave on the tracking page. A change is a new row.

    The name and the number are sealed (tickets.sealing); what is shown everywhere is the masked
    copy. Sealed parts are erased when nothing is to be paid to them any more (PIPL art. 47).
    """

    transfer = models.ForeignKey(
        BankTransfer, on_delete=models.PROTECT, related_name="given_details"
    )
    version = models.PositiveSmallIntegerField(_("version"))
    bank = models.CharField(_("bank"), max_length=60)
    masked_name = models.CharField(_("name"), max_length=60)
    masked_number = models.CharField(_("card number"), max_length=30)
    sealed = models.TextField(editable=False, blank=True)
    #: Whether the name is the one on the order; null where the order has none.
    name_matches = models.BooleanField(_("name as on the order"), null=True)
    #: The customer agreed to this use of a bank account (PIPL art. 29).
    consented_at = models.DateTimeField(_("consented at"))
    given_at = models.DateTimeField(_("given at"))
    erased_at = models.DateTimeField(_("erased at"), null=True, blank=True)

    class Meta:
        verbose_name = _("bank details")
        verbose_name_plural = _("bank details")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["transfer", "version"], name="bank_details_version_once"
            ),
        ]
        indexes = [
            # Read by tickets.transfers.erase_spent_details.
            models.Index(
                fields=["given_at"],
                name="bank_details_kept",
                condition=Q(erased_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.bank} {self.masked_number}"
