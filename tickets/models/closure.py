from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tickets.models.ticket import Ticket


class ClosureReview(models.Model):
    """A finished dispute that was drawn for a second look; docs/closure-reviews.md has the rule."""

    class Verdict(models.TextChoices):
        SOUND = "sound", _("handled well")
        FAULT = "fault", _("handled wrongly")
        SUSPICIOUS = "suspicious", _("has to be looked into")

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="closure_reviews")
    cycle = models.PositiveSmallIntegerField(_("cycle"))
    #: The local day whose closures it was drawn from, and when.
    day = models.DateField(_("day of closure"))
    drawn_at = models.DateTimeField(_("drawn at"))
    #: Of how many closures of that day.
    drawn_of = models.PositiveIntegerField(_("closures of that day"))
    weight = models.PositiveSmallIntegerField(_("weight"), default=1)
    #: A clock was paused shortly before it fell due.
    late_pause = models.BooleanField(_("paused near a deadline"), default=False)
    #: The same person has settled other disputes of the same buyer.
    repeated_pair = models.BooleanField(_("same agent and buyer again"), default=False)

    reviewed_at = models.DateTimeField(_("reviewed at"), null=True, blank=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("reviewed by"),
    )
    verdict = models.CharField(_("verdict"), max_length=12, choices=Verdict.choices, blank=True)
    findings = models.TextField(_("findings"), blank=True)

    class Meta:
        verbose_name = _("closure review")
        verbose_name_plural = _("closure reviews")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["ticket", "cycle"], name="closure_review_once"),
            models.CheckConstraint(
                condition=(Q(reviewed_at__isnull=True) & Q(verdict=""))
                | (Q(reviewed_at__isnull=False) & ~Q(verdict="")),
                name="closure_review_has_verdict",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.day}"
