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

    class Route(models.TextChoices):
        EMAIL = "email", _("e-mail")
        SMS = "sms", _("SMS")
        WECOM = "wecom", _("WeCom group")
        DINGTALK = "dingtalk", _("DingTalk group")
        FEISHU = "feishu", _("Feishu group")

    class State(models.TextChoices):
        PENDING = "pending", _("waiting")
        SENT = "sent", _("sent")
        FAILED = "failed", _("given up")
        NO_ADDRESS = "no_address", _("no address")
        FOLDED = "folded", _("summed up")
        WITHHELD = "withheld", _("held back")

    #: Ways to a group of people rather than to one person.
    GROUP_ROUTES = (Route.WECOM, Route.DINGTALK, Route.FEISHU)

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
    route = models.CharField(_("way"), max_length=10, choices=Route.choices, default=Route.EMAIL)
    #: Names the template: templates/notices/<kind>.txt
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
    #: How often nobody could tell whether it had left.
    unknowns = models.PositiveSmallIntegerField(_("unknown outcomes"), default=0)
    #: What the provider calls it.
    reference = models.CharField(_("reference"), max_length=64, blank=True)
    #: The summary that stands for it, where too many of its kind came at once.
    folded_into = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="folded"
    )

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
            # Read by tickets.folding: how many of a kind somebody was sent of late.
            models.Index(
                fields=["sent_at"],
                name="notice_staff_sent",
                condition=Q(audience="staff", state="sent"),
            ),
            # Read by tickets.notices: how many SMS a number was sent of late.
            models.Index(
                fields=["recipient", "sent_at"],
                name="notice_sms_sent",
                condition=Q(route="sms", state="sent"),
            ),
        ]

    def __str__(self) -> str:
        return self.key
