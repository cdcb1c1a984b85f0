"""The shop itself: who it is, what its operator has tried, since when it is live."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class ShopProfile(models.Model):
    """One row. Customers read name and address; the checklist of /admin/setup/ reads the rest."""

    KEY = "shop"

    key = models.CharField(max_length=8, unique=True, default=KEY, editable=False)
    legal_name = models.CharField(_("legal name"), max_length=100, blank=True)
    address = models.CharField(_("address"), max_length=200, blank=True)
    phone = models.CharField(_("telephone"), max_length=32, blank=True)

    #: The last test mail: to whom, the code in it, and what mail was configured like then.
    mail_to = models.EmailField(_("test mail to"), blank=True)
    mail_code = models.CharField(_("code of the test mail"), max_length=6, blank=True)
    mail_settings = models.CharField(max_length=64, blank=True)
    mail_sent_at = models.DateTimeField(_("test mail sent at"), null=True, blank=True)
    mail_confirmed_at = models.DateTimeField(_("test mail confirmed at"), null=True, blank=True)

    #: Of the policy somebody has read, budgets and rehearsal aside.
    policy_digest = models.CharField(max_length=64, blank=True)
    policy_seen_at = models.DateTimeField(_("policy read at"), null=True, blank=True)

    #: Orders paid before it can be disputed, but the desk does nothing for them by itself.
    live_from = models.DateTimeField(_("live from"), null=True, blank=True)
    updated_at = models.DateTimeField(_("updated at"), null=True, blank=True)
    updated_by = models.CharField(_("updated by"), max_length=150, blank=True)

    class Meta:
        verbose_name = _("shop")
        verbose_name_plural = _("shops")

    def __str__(self) -> str:
        return self.legal_name or self.key
