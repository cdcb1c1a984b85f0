from django.db import models
from django.utils.translation import gettext_lazy as _

from tickets.models.evidence import Evidence


class PictureBand(models.Model):
    """One eighth of a picture's perceptual hash. Two pictures that look alike share one at least.

    ``code`` is the band's number and its 32 bits in one integer, so that one index finds all.
    """

    evidence = models.ForeignKey(Evidence, on_delete=models.CASCADE, related_name="bands")
    code = models.BigIntegerField(_("code"))

    class Meta:
        verbose_name = _("part of a picture's hash")
        verbose_name_plural = _("parts of pictures' hashes")
        indexes = [
            # Read by tickets.evidence.alike.find_alike.
            models.Index(fields=["code"], name="picture_band_code"),
        ]

    def __str__(self) -> str:
        return f"{self.evidence_id} {self.code}"
