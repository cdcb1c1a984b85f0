from django.db import models
from django.utils.translation import gettext_lazy as _

from tickets.models.ticket import Ticket


class Referral(models.Model):
    """The notice that tells a customer how to go to 12315, with the dossier ready to file.

    The desk never files for the customer and never says that it did.
    """

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="referrals")
    cycle = models.PositiveSmallIntegerField(_("cycle"))
    at = models.DateTimeField(_("at"))
    #: The facts of the case as they stood then, in the fields of the official form.
    dossier = models.JSONField(_("dossier"))
    #: SHA-256 of the dossier's canonical JSON; the event chain holds it too.
    dossier_sha256 = models.CharField(_("SHA-256"), max_length=64)

    class Meta:
        verbose_name = _("12315 notice")
        verbose_name_plural = _("12315 notices")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["ticket", "cycle"], name="referral_once_per_cycle"),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.at:%Y-%m-%d %H:%M}"
