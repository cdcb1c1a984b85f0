from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from tickets.models.ticket import Ticket


class Visit(models.Model):
    """That somebody has a dispute open on the screen: a hint to the next one, never a lock."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="visits")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    opened_at = models.DateTimeField(_("opened at"))
    seen_at = models.DateTimeField(_("last seen"))

    class Meta:
        verbose_name = _("visit")
        verbose_name_plural = _("visits")
        constraints = [
            models.UniqueConstraint(fields=["ticket", "user"], name="visit_one_per_person"),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.user_id}"
