from django.db import models
from django.utils.translation import gettext_lazy as _


class ServicePolicy(models.Model):
    """The clocks and limits that a ticket copies when it opens (tickets.policy.Policy as JSON)."""

    code = models.SlugField(_("code"), max_length=32, unique=True)
    body = models.JSONField(_("policy"))
    version = models.PositiveIntegerField(_("version"), default=1)
    updated_at = models.DateTimeField(_("updated at"))
    updated_by = models.CharField(_("updated by"), max_length=150)

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code
