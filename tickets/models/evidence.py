import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from orders.models import Order
from tickets.models.ticket import Ticket, new_tracking_token


class Draft(models.Model):
    """A dispute that is being written: what was typed so far, and the proof already uploaded."""

    token = models.CharField(
        _("token"), max_length=64, unique=True, default=new_tracking_token, editable=False
    )
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="drafts")
    #: Fields of the form as typed: category, description, contact_*.
    data = models.JSONField(_("data"), default=dict)
    #: The ticket it became: a second submission of the same draft answers with this one.
    ticket = models.ForeignKey(
        Ticket, on_delete=models.PROTECT, null=True, blank=True, related_name="drafts"
    )
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))

    class Meta:
        verbose_name = _("draft")
        verbose_name_plural = _("drafts")

    def __str__(self) -> str:
        return f"{self.order_id} {self.created_at:%Y-%m-%d %H:%M}"


class Evidence(models.Model):
    """One file of proof: the original bytes as received, and a clean copy for the screen."""

    class Kind(models.TextChoices):
        PAYMENT_SCREENSHOT = "payment_screenshot", _("screenshot of the payment")
        BANK_DEDUCTION_RECORD = "bank_deduction_record", _("bank deduction record")
        ACCOUNT_SCREENSHOT = "account_screenshot", _("screenshot of the account")
        OPERATOR_RECORD = "operator_record", _("operator's record")
        CHAT_LOG = "chat_log", _("chat log")
        OTHER = "other", _("something else")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    ticket = models.ForeignKey(
        Ticket, on_delete=models.PROTECT, null=True, blank=True, related_name="evidence"
    )
    draft = models.ForeignKey(
        Draft, on_delete=models.SET_NULL, null=True, blank=True, related_name="evidence"
    )
    kind = models.CharField(_("kind"), max_length=24, choices=Kind.choices)
    filename = models.CharField(_("file name"), max_length=200)
    content_type = models.CharField(_("type"), max_length=50)
    size = models.PositiveIntegerField(_("size (bytes)"))
    sha256 = models.CharField(_("SHA-256"), max_length=64, db_index=True)
    #: Original bytes, unchanged: this is the proof. Never served to a browser as a page.
    original = models.FileField(_("original"), upload_to="evidence/original/")
    #: Re-encoded without EXIF and GPS; empty for PDF.
    preview = models.FileField(_("preview"), upload_to="evidence/preview/", blank=True)
    preview_sha256 = models.CharField(_("SHA-256 of the preview"), max_length=64, blank=True)
    width = models.PositiveIntegerField(_("width"), null=True, blank=True)
    height = models.PositiveIntegerField(_("height"), null=True, blank=True)
    #: What is to be seen, in 32 x 32 grey cells, and the mean of them in hundredths
    #: (tickets.evidence.alike); empty for PDF, and for pictures that show next to nothing.
    look = models.TextField(_("look"), blank=True, editable=False)
    shade = models.PositiveIntegerField(_("shade"), null=True, blank=True, editable=False)
    #: Facts read from the file for staff: camera time, software, whether it holds a position.
    facts = models.JSONField(_("facts"), default=dict)
    #: Who sent it: "customer" or "staff:<id>".
    actor = models.CharField(_("sent by"), max_length=150)
    received_at = models.DateTimeField(_("received at"))
    accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True)

    class Meta:
        verbose_name = _("proof")
        verbose_name_plural = _("proofs")
        ordering = ["received_at", "id"]
        indexes = [
            # Read by tickets.evidence.alike.find_seen.
            models.Index(
                fields=["shade"], name="evidence_shade", condition=models.Q(shade__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.filename
