from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tickets.models.ticket import Ticket


class FactCheck(models.Model):
    """A question put to channel and supplier before the desk decides about money by itself.

    The fired deadline writes the row; a task asks outside any transaction and writes the answers;
    tickets.commitment.decide runs under the ticket's lock on what is written here.
    """

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="fact_checks")
    cycle = models.PositiveSmallIntegerField(_("cycle"))
    requested_at = models.DateTimeField(_("requested at"))
    #: The latest instant to decide, with or without answers.
    decide_by = models.DateTimeField(_("decide by"))
    #: One entry per source: {"source", "code", "answered", "facts"}.
    answers = models.JSONField(_("answers"), default=list)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    not_before = models.DateTimeField(_("not before"))
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decision = models.CharField(_("decision"), max_length=24, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("fact check")
        verbose_name_plural = _("fact checks")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["ticket", "cycle"], name="fact_check_once_per_cycle"),
        ]
        indexes = [
            # Read by tickets.commitment.run_fact_checks.
            models.Index(
                fields=["not_before"],
                name="fact_check_open",
                condition=Q(decided_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.decision}"
