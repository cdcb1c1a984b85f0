from django.db import models
from django.utils.translation import gettext_lazy as _


class Macro(models.Model):
    """Words that agents write again and again, with variables; tickets.macros fills them in.

    A customer is answered in the language of the dispute, so both are there.
    """

    name = models.CharField(_("name"), max_length=60, unique=True)
    text_zh = models.TextField(_("text in Chinese"), max_length=2000)
    text_en = models.TextField(_("text in English"), max_length=2000)
    is_active = models.BooleanField(_("offered"), default=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("macro")
        verbose_name_plural = _("macros")
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name
