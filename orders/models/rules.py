from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class RuleVersion(models.Model):
    """The published promise in one of its versions; published once and never changed.

    E-Commerce Law art. 33 and 34: shown permanently, old versions too, and announced at least
    seven days before a change applies. An order keeps the version it was bought under.
    """

    version = models.CharField(_("version"), max_length=32, unique=True)
    text_zh = models.TextField(_("text, Chinese"))
    text_en = models.TextField(_("text, English"))
    published_at = models.DateTimeField(_("published at"))
    effective_at = models.DateTimeField(_("in force from"))
    published_by = models.CharField(_("published by"), max_length=150)

    class Meta:
        verbose_name = _("version of the rules")
        verbose_name_plural = _("versions of the rules")
        ordering = ["-effective_at"]
        permissions = [("publish_rules", _("Can publish rules"))]
        constraints = [
            models.CheckConstraint(
                condition=Q(effective_at__gte=F("published_at")),
                name="rules_published_before_in_force",
            ),
            models.UniqueConstraint(fields=["effective_at"], name="rules_one_from_an_instant"),
        ]

    def __str__(self) -> str:
        return self.version
