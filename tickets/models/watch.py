from django.db import models
from django.utils.translation import gettext_lazy as _


class Worry(models.Model):
    """Something that the watchdog found wrong and that is not over, and when people were told."""

    name = models.CharField(_("name"), max_length=40, primary_key=True)
    count = models.PositiveIntegerField(_("rows"))
    since = models.DateTimeField(_("since"))
    told_at = models.DateTimeField(_("told at"))
    #: Since when it is zero again; over once that has lasted.
    quiet_since = models.DateTimeField(_("quiet since"), null=True, blank=True)

    class Meta:
        verbose_name = _("alarm of the watchdog")
        verbose_name_plural = _("alarms of the watchdog")

    def __str__(self) -> str:
        return self.name


class ClockJump(models.Model):
    """One host's last reading of the database's clock beside its own monotonic one; while the two
    have drifted apart, that host fires no deadline."""

    #: The boot of the host: its monotonic clock means nothing beyond it.
    boot = models.CharField(_("boot"), max_length=64, primary_key=True)
    read_at = models.DateTimeField(_("read at"))
    monotonic = models.FloatField(_("monotonic seconds"))
    jump_s = models.FloatField(_("jump (seconds)"), default=0)
    held_since = models.FloatField(_("held since (monotonic)"), null=True, blank=True)
    #: Set by a person: the clock is right as it stands now.
    accepted = models.BooleanField(_("accepted"), default=False)

    class Meta:
        verbose_name = _("reading of the clock")
        verbose_name_plural = _("readings of the clock")

    def __str__(self) -> str:
        return self.boot
