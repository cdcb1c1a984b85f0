from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tickets.models.evidence import Draft
from tickets.models.ticket import Ticket


class Mailbox(models.Model):
    """How far a mailbox has been read, and whether reading it works."""

    #: user@host/folder: a changed IMAP_URL begins a new row.
    key = models.CharField(_("mailbox"), max_length=250, unique=True)
    #: What was delivered before this is left to whoever read the mailbox until then.
    started_at = models.DateTimeField(_("read since"))
    #: The server's numbering; when it changes, all numbers begin anew.
    uidvalidity = models.BigIntegerField(_("numbering"), null=True, blank=True)
    last_uid = models.BigIntegerField(_("last number"), default=0)
    #: One poll at a time: whoever holds it, until then.
    leased_until = models.DateTimeField(_("being read until"), null=True, blank=True)
    last_ok_at = models.DateTimeField(_("last read at"), null=True, blank=True)
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("mailbox")
        verbose_name_plural = _("mailboxes")

    def __str__(self) -> str:
        return self.key


class InboundMail(models.Model):
    """A mail that came in: a row first, handled afterwards, once.

    What the sender wrote is in the file ``raw`` as it came, and erasable with this row.
    """

    class State(models.TextChoices):
        RECEIVED = "received", _("waiting")
        OPENED = "opened", _("opened a dispute")
        ADDED = "added", _("added to a dispute")
        KEPT = "kept", _("kept for a person to look at")
        ASKED = "asked", _("asked for the order number")
        REFUSED = "refused", _("refused")
        IGNORED = "ignored", _("ignored")
        QUARANTINED = "quarantined", _("quarantined")

    #: As the sender's program made it; made from the content where it is missing or used twice.
    message_id = models.CharField(_("message id"), max_length=255, unique=True)
    state = models.CharField(
        _("state"), max_length=12, choices=State.choices, default=State.RECEIVED
    )
    #: A code of tickets.mailroom: why it was ignored, kept or refused.
    reason = models.CharField(_("why"), max_length=32, blank=True)
    ticket = models.ForeignKey(
        Ticket, on_delete=models.PROTECT, null=True, blank=True, related_name="mails"
    )
    #: Its files wait here until they are put to the dispute, so that no crash adds them twice.
    draft = models.OneToOneField(
        Draft, on_delete=models.PROTECT, null=True, blank=True, related_name="mail"
    )
    sender = models.CharField(_("sender"), max_length=254, blank=True)
    sender_name = models.CharField(_("sender's name"), max_length=100, blank=True)
    subject = models.CharField(_("subject"), max_length=300, blank=True)
    #: The whole text, quotations included.
    body = models.TextField(_("text"), blank=True)
    language = models.CharField(_("language"), max_length=10, default="zh-hans")

    #: The mail as it came; of one that is too large, its head.
    raw = models.FileField(_("original"), upload_to="mail/", max_length=200)
    size = models.PositiveBigIntegerField(_("size (bytes)"))
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    #: SHA-256 of what the sender wrote, without the marks of its way here.
    content_sha256 = models.CharField(_("SHA-256 of the content"), max_length=64)

    received_at = models.DateTimeField(_("received at"))
    #: Not taken up before this instant; pushed ahead while a worker holds it.
    not_before = models.DateTimeField(_("not before"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    handled_at = models.DateTimeField(_("handled at"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("incoming mail")
        verbose_name_plural = _("incoming mail")
        ordering = ["-id"]
        indexes = [
            # Read by tickets.mailroom.handling.claim_mail.
            models.Index(
                fields=["not_before", "id"], name="mail_waiting", condition=Q(state="received")
            ),
            # Read by the limits per sender.
            models.Index(fields=["sender", "received_at"], name="mail_by_sender"),
        ]

    def __str__(self) -> str:
        return f"{self.received_at:%Y-%m-%d %H:%M} {self.state}"
