from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Callback(models.Model):
    """A message that came to /callbacks/: taken once, or refused and why. What was not proven to
    come from the provider leaves no more here than its digest."""

    class Source(models.TextChoices):
        CHANNEL = "channel", _("payment channel")
        SUPPLIER = "supplier", _("supplier")

    class Reason(models.TextChoices):
        BAD_SIGNATURE = "bad_signature", _("wrong signature")
        STALE = "stale", _("too old, or from the future")
        OTHER_ACCOUNT = "other_account", _("for another account")
        UNREADABLE = "unreadable", _("unreadable")
        TOO_LARGE = "too_large", _("too large")
        NOT_CONFIGURED = "not_configured", _("no account here")
        REPLAYED = "replayed", _("came before")
        OVERTAKEN = "overtaken", _("older than what is known")
        UNKNOWN_NUMBER = "unknown_number", _("number unknown here")
        OTHER_SUBJECT = "other_subject", _("about another payment or order")
        WRONG_AMOUNT = "wrong_amount", _("another amount")
        #: The last row of an hour in which too many came; the rest is in the log alone.
        FLOOD = "flood", _("too many, not recorded one by one")

    source = models.CharField(_("source"), max_length=16, choices=Source.choices)
    code = models.CharField(_("channel or supplier"), max_length=32)
    taken = models.BooleanField(_("taken"))
    #: Why it was refused; blank when it was taken.
    reason = models.CharField(_("reason"), max_length=16, choices=Reason.choices, blank=True)
    #: The provider's own id of the news: the same when it is sent again.
    notice_id = models.CharField(_("id of the message"), max_length=128, blank=True)
    #: The refund or the top-up that it is about.
    number = models.CharField(_("number"), max_length=64, blank=True)
    #: The provider's word for what happened.
    word = models.CharField(_("what it says"), max_length=64, blank=True)
    sender = models.GenericIPAddressField(_("sender's address"), null=True, blank=True)
    #: SHA-256 of the body, byte for byte, and its length.
    digest = models.CharField(_("SHA-256"), max_length=64)
    size = models.PositiveIntegerField(_("size"))
    #: What it says with accounts, names and signatures masked; only once its signature was right.
    payload = models.JSONField(_("masked payload"), default=dict)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("provider's message")
        verbose_name_plural = _("providers' messages")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "code", "notice_id"],
                condition=Q(taken=True),
                name="callback_taken_once",
            ),
        ]
        indexes = [
            # Read by orders.callbacks.book: how many were refused lately.
            models.Index(
                fields=["source", "code", "at"], name="callback_refused", condition=Q(taken=False)
            ),
            # Read by orders.callbacks.book.forget_refused.
            models.Index(fields=["at"], name="callback_at"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.number or self.digest[:12]}"
