from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tickets.models.ticket import Ticket


class Approval(models.Model):
    """A decision asked of a supervisor who is not the one asking (four eyes)."""

    class Action(models.TextChoices):
        REFUND = "refund", _("refund")
        RESOLVE = "resolve", _("resolve")
        REFUSE = "refuse", _("refuse")

    class State(models.TextChoices):
        PENDING = "pending", _("waiting")
        APPROVED = "approved", _("approved")
        DECLINED = "declined", _("declined")
        SUPERSEDED = "superseded", _("no longer needed")

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="approvals")
    cycle = models.PositiveSmallIntegerField(_("cycle"))
    action = models.CharField(_("action"), max_length=10, choices=Action.choices)
    #: What will be carried out: amount_fen, refund ids held, outcome, message id.
    arguments = models.JSONField(_("arguments"), default=dict)
    reason = models.CharField(_("why it is asked"), max_length=500)
    #: Actor label of whoever asked: "staff:<id>" or "system".
    requested_by = models.CharField(_("asked by"), max_length=150)
    requested_at = models.DateTimeField(_("asked at"))
    #: The supervisor whose turn it is now.
    asked_of = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("asked of"),
    )
    state = models.CharField(
        _("state"), max_length=12, choices=State.choices, default=State.PENDING
    )
    decided_by = models.CharField(_("decided by"), max_length=150, blank=True)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decision_reason = models.CharField(_("reason of the decision"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["ticket"], condition=Q(state="pending"), name="approval_one_pending"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.action}"
