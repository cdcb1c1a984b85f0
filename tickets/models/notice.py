from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orders.models import Order
from tickets.models.arrival import ArrivalWatch
from tickets.models.mail import InboundMail
from tickets.models.ticket import Ticket


class Notice(models.Model):
    """A message that has to leave the building: a row first, sent afterwards, at least once.

    The words are made when it is sent, from ``kind`` and ``context``; personal data stays in the
    ticket it is about.
    """

    class Audience(models.TextChoices):
        CUSTOMER = "customer", _("customer")
        STAFF = "staff", _("staff")

    class State(models.TextChoices):
        PENDING = "pending", _("waiting")
        SENT = "sent", _("sent")
        FAILED = "failed", _("given up")
        NO_ADDRESS = "no_address", _("no address")

    ticket = models.ForeignKey(
        Ticket, on_delete=models.CASCADE, related_name="notices", null=True, blank=True
    )
    #: What it is about where there is no dispute: a refund that nobody had to ask for.
    order = models.ForeignKey(
        Order, on_delete=models.CASCADE, related_name="notices", null=True, blank=True
    )
    #: The mail that it answers, where there is no dispute to say whom to write to.
    mail = models.ForeignKey(
        InboundMail, on_delete=models.CASCADE, related_name="notices", null=True, blank=True
    )
    #: The address that it is for, where somebody only waits for an order to arrive.
    watch = models.ForeignKey(
        ArrivalWatch, on_delete=models.CASCADE, related_name="notices", null=True, blank=True
    )
    audience = models.CharField(_("audience"), max_length=10, choices=Audience.choices)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    #: Names the template: templates/notices/<kind>.{subject,body}.txt
    kind = models.CharField(_("kind"), max_length=40)
    context = models.JSONField(_("context"), default=dict)
    #: One message per reason, however often the reason is looked at.
    key = models.CharField(_("key"), max_length=200, unique=True)
    created_at = models.DateTimeField(_("created at"))
    state = models.CharField(
        _("state"), max_length=10, choices=State.choices, default=State.PENDING
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    #: Not taken before this instant; pushed ahead while a worker holds it.
    not_before = models.DateTimeField(_("not before"))
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    recipient = models.CharField(_("recipient"), max_length=254, blank=True)
    subject = models.CharField(_("subject"), max_length=300, blank=True)
    body = models.TextField(_("text"), blank=True)
    last_error = models.CharField(_("last error"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("outgoing message")
        verbose_name_plural = _("outgoing messages")
        ordering = ["-id"]
        indexes = [
            # Read by tickets.notices.send_due_notices.
            models.Index(
                fields=["not_before", "id"],
                name="notice_waiting",
                condition=Q(state="pending"),
            ),
        ]

    def __str__(self) -> str:
        return self.key
