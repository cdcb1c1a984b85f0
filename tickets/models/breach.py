from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from tickets.models.deadline import Deadline
from tickets.models.ticket import Ticket


class Breach(models.Model):
    """A deadline that was missed, and what a supervisor found when looking into it.

    Written from facts: a deadline that fired, or one that was met after it was due.
    """

    class CauseCode(models.TextChoices):
        NOBODY_ON_DUTY = "nobody_on_duty", _("nobody was on duty")
        OVERLOAD = "overload", _("too many cases at once")
        SUPPLIER_SILENT = "supplier_silent", _("the supplier did not answer")
        CHANNEL_FAULT = "channel_fault", _("fault of the payment channel")
        HANDLING_ERROR = "handling_error", _("handled wrongly")
        SYSTEM_FAULT = "system_fault", _("fault of this desk")
        CUSTOMER_SILENT = "customer_silent", _("the customer did not answer")
        OTHER = "other", _("something else")

    class Party(models.TextChoices):
        US = "us", _("us")
        SUPPLIER = "supplier", _("supplier")
        CHANNEL = "channel", _("payment channel")
        CUSTOMER = "customer", _("customer")

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="breaches")
    deadline = models.OneToOneField(Deadline, on_delete=models.PROTECT, related_name="breach")
    kind = models.CharField(_("kind"), max_length=24, choices=Deadline.Kind.choices)
    due_at = models.DateTimeField(_("due at"))
    detected_at = models.DateTimeField(_("found at"))

    reviewed_at = models.DateTimeField(_("reviewed at"), null=True, blank=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("reviewed by"),
    )
    cause_code = models.CharField(_("cause"), max_length=20, choices=CauseCode.choices, blank=True)
    responsible_party = models.CharField(
        _("responsible"), max_length=10, choices=Party.choices, blank=True
    )
    corrective_action = models.TextField(_("corrective action"), blank=True)

    class Meta:
        verbose_name = _("missed deadline")
        verbose_name_plural = _("missed deadlines")
        ordering = ["-id"]
        indexes = [
            # Read by the menu's count of what waits for a review.
            models.Index(
                fields=["id"],
                name="breach_unreviewed",
                condition=models.Q(reviewed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.kind}"
