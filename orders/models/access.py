import hashlib

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class ApiKey(models.Model):
    """A program's credential that acts as one person. Only the digest of the key is kept."""

    class Scope(models.TextChoices):
        ORDERS = "orders", _("write orders")
        TICKETS = "tickets", _("work disputes")
        POLICIES = "policies", _("change policies")
        READ = "read", _("read only")

    name = models.CharField(_("name"), max_length=100, unique=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="api_keys"
    )
    #: The first characters of the key, shown so that people can tell keys apart.
    prefix = models.CharField(_("prefix"), max_length=12)
    digest = models.CharField(_("digest"), max_length=64, unique=True)
    #: Empty means everything its person may do.
    scopes = models.JSONField(_("scopes"), default=list, blank=True)
    created_at = models.DateTimeField(_("created at"))
    last_used_at = models.DateTimeField(_("last used at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @staticmethod
    def digest_of(key: str) -> str:
        """SHA-256 is enough here: keys are 256 random bits, not something a person chose."""
        return hashlib.sha256(key.encode()).hexdigest()


class IdempotentAnswer(models.Model):
    """The first answer to an ``Idempotency-Key``, given again to every repeat."""

    caller = models.CharField(_("caller"), max_length=128)
    key = models.CharField(_("key"), max_length=255)
    request_digest = models.CharField(_("request digest"), max_length=64)
    #: Null while the first request is still being worked on.
    status = models.PositiveSmallIntegerField(_("status"), null=True)
    body = models.JSONField(_("body"), null=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("idempotent answer")
        verbose_name_plural = _("idempotent answers")
        constraints = [
            models.UniqueConstraint(fields=["caller", "key"], name="idempotent_answer_once"),
        ]

    def __str__(self) -> str:
        return f"{self.caller} {self.key}"
