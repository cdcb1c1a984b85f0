from django.db import models
from django.utils.translation import gettext_lazy as _


class LimitCounter(models.Model):
    """How much was given out under one key (a party, the shop): locked, then raised.

    ``buckets`` maps the start of an hour (ISO 8601, UTC) to ``[count, amount_fen]`` and keeps 31
    days. One row per key, so that two claims on the same limit always meet on the same lock.
    """

    key = models.CharField(_("key"), max_length=128, unique=True)
    buckets = models.JSONField(_("buckets"), default=dict)

    class Meta:
        verbose_name = _("limit counter")
        verbose_name_plural = _("limit counters")

    def __str__(self) -> str:
        return self.key


class PacingBucket(models.Model):
    """Calls left for a channel, while the shared Redis does not answer: locked, then counted."""

    channel = models.CharField(_("channel"), max_length=16, unique=True)
    tokens = models.FloatField(_("tokens"))
    filled_at = models.DateTimeField(_("filled at"))

    class Meta:
        verbose_name = _("pacing bucket")
        verbose_name_plural = _("pacing buckets")

    def __str__(self) -> str:
        return self.channel
