from django.db import models
from django.utils.translation import gettext_lazy as _

from tickets.models.ticket import Ticket


class Message(models.Model):
    """Words of a customer or of staff. Erasable: events hold only a salted digest of them."""

    class Author(models.TextChoices):
        CUSTOMER = "customer", _("customer")
        STAFF = "staff", _("staff")
        SYSTEM = "system", _("the desk")

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="messages")
    cycle = models.PositiveSmallIntegerField(_("cycle"), default=1)
    author = models.CharField(_("author"), max_length=10, choices=Author.choices)
    #: The actor label of the event that carries the digest.
    actor = models.CharField(_("actor"), max_length=150)
    body = models.TextField(_("text"))
    salt = models.CharField(max_length=32, editable=False)
    #: Internal notes never reach the customer.
    internal = models.BooleanField(_("internal"), default=False)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.author}"
