import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class WebhookEndpoint(models.Model):
    """An address of a shop's program that wants to hear what happens."""

    class DisabledBy(models.TextChoices):
        PERSON = "person", _("by a person")
        FAILURE = "failure", _("after days of failures")
        GONE = "gone", _("the address said it is gone")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    url = models.CharField(_("address"), max_length=500)
    description = models.CharField(_("description"), max_length=200, blank=True)
    #: Patterns: "*", "ticket.*", "refund.settled".
    events = models.JSONField(_("events"), default=list)
    #: Sealed by tickets.sealing; shown to nobody after it was made.
    secret = models.TextField(editable=False)
    #: The one before, which still signs until then as well.
    old_secret = models.TextField(blank=True, editable=False)
    old_secret_until = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(_("created at"))
    disabled_at = models.DateTimeField(_("disabled at"), null=True, blank=True)
    disabled_by = models.CharField(
        _("disabled"), max_length=8, choices=DisabledBy.choices, blank=True
    )
    #: Since when nothing has got through; null while the last attempt did.
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    #: Left alone until then: an address that is down is not knocked at by every row that waits.
    rests_until = models.DateTimeField(_("rests until"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook address")
        verbose_name_plural = _("webhook addresses")
        ordering = ["id"]

    def __str__(self) -> str:
        return self.url

    @property
    def is_enabled(self) -> bool:
        return self.disabled_at is None


class WebhookDelivery(models.Model):
    """One event for one address: a row in the transaction of the event, delivered afterwards, at
    least once."""

    class State(models.TextChoices):
        PENDING = "pending", _("waiting")
        DELIVERED = "delivered", _("delivered")
        FAILED = "failed", _("given up")

    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries"
    )
    #: The same at every attempt and every address: the receiver knows a repeat by it.
    message_id = models.CharField(_("message"), max_length=64)
    event = models.CharField(_("event"), max_length=64)
    payload = models.JSONField(_("content"))
    created_at = models.DateTimeField(_("created at"))
    state = models.CharField(
        _("state"), max_length=10, choices=State.choices, default=State.PENDING
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    #: Not taken before this instant; pushed ahead while a worker holds it.
    not_before = models.DateTimeField(_("not before"))
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)
    last_status = models.PositiveSmallIntegerField(_("last answer"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "message_id"], name="webhook_message_once"),
        ]
        indexes = [
            # Read by tickets.webhooks.delivering.claim_deliveries.
            models.Index(
                fields=["not_before", "id"],
                name="webhook_waiting",
                condition=Q(state="pending"),
            ),
            # Read by tickets.webhooks.delivering.forget_deliveries.
            models.Index(fields=["created_at"], name="webhook_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} {self.event}"
