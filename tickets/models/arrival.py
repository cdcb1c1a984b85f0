import secrets

from django.db import models
from django.utils.translation import gettext_lazy as _

from orders.models import Order


def new_stop_token() -> str:
    return secrets.token_urlsafe(24)


class ArrivalWatch(models.Model):
    """Somebody wants to be told when an order arrives, or that it will not. Told once."""

    class End(models.TextChoices):
        ARRIVED = "arrived", _("arrived")
        FAILED = "failed", _("did not arrive")
        STOPPED = "stopped", _("no longer wanted")

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="arrival_watches")
    email = models.EmailField(_("e-mail"))
    language = models.CharField(_("language"), max_length=10, default="zh-hans")
    #: In the letter's link that ends it; nothing else can be done with it.
    stop_token = models.CharField(max_length=64, unique=True, default=new_stop_token)
    created_at = models.DateTimeField(_("created at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    end = models.CharField(_("end"), max_length=8, choices=End.choices, blank=True)

    class Meta:
        verbose_name = _("arrival reminder")
        verbose_name_plural = _("arrival reminders")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["order", "email"], name="arrival_one_per_address"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.created_at:%Y-%m-%d %H:%M}"
