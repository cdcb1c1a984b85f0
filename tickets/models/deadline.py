from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tickets.models.ticket import Ticket


class Deadline(models.Model):
    """A promise with an instant. This row is the timer: nothing else remembers ``due_at``."""

    class Kind(models.TextChoices):
        FIRST_REPLY = "first_reply", _("first reply")
        AGENT_RESOLUTION = "agent_resolution", _("resolution by an agent")
        SUPERVISOR_RESOLUTION = "supervisor_resolution", _("resolution by a supervisor")
        COMMITMENT_WARNING = "commitment_warning", _("warning before the promise")
        COMMITMENT_ENFORCEMENT = "commitment_enforcement", _("the desk acts itself")
        COMMITMENT = "commitment", _("the 24-hour promise")
        REFERRAL = "referral", _("12315 notice")
        APPROVAL = "approval", _("decision asked for")
        EVIDENCE_DUE = "evidence_due", _("proof asked for")
        SUPPLIER_PROOF = "supplier_proof", _("supplier's voucher")
        AUTO_CLOSE = "auto_close", _("close")
        EXTERNAL_CASE = "external_case", _("outside case")

    class State(models.TextChoices):
        PENDING = "pending", _("pending")
        PAUSED = "paused", _("paused")
        MET = "met", _("met")
        FIRED = "fired", _("fired")
        CANCELLED = "cancelled", _("cancelled")

    class Clock(models.TextChoices):
        WALL = "wall", _("wall clock")
        STAFFED = "staffed", _("staffed hours")

    LIVE_STATES = (State.PENDING, State.PAUSED)

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="deadlines")
    kind = models.CharField(_("kind"), max_length=24, choices=Kind.choices)
    cycle = models.PositiveSmallIntegerField(_("cycle"), default=1)
    #: Counts the deadlines of one kind within a cycle (a second request for proof, say).
    round = models.PositiveSmallIntegerField(_("round"), default=1)
    state = models.CharField(
        _("state"), max_length=10, choices=State.choices, default=State.PENDING
    )
    clock = models.CharField(_("clock"), max_length=8, choices=Clock.choices)
    started_at = models.DateTimeField(_("started at"))
    due_at = models.DateTimeField(_("due at"))
    #: Where the policy alone would have put it, when it was brought forward for the promise.
    policy_due_at = models.DateTimeField(_("due by policy alone"), null=True, blank=True)
    #: Computed with a holiday calendar that is not published yet.
    provisional = models.BooleanField(_("provisional"), default=False)
    #: What was left of the clock when it was paused, in the clock's own time.
    remaining = models.DurationField(_("remaining"), null=True, blank=True)
    met_at = models.DateTimeField(_("met at"), null=True, blank=True)
    fired_at = models.DateTimeField(_("fired at"), null=True, blank=True)
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True, blank=True)
    #: Set when firing it raised again and again alone; the watchdog alarms and lets it try again.
    quarantined_at = models.DateTimeField(_("quarantined at"), null=True, blank=True)
    last_error = models.TextField(_("last error"), blank=True)

    class Meta:
        verbose_name = _("deadline")
        verbose_name_plural = _("deadlines")
        ordering = ["due_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["ticket", "kind", "cycle", "round"], name="deadline_once"
            ),
            models.UniqueConstraint(
                fields=["ticket", "kind"],
                condition=Q(state__in=["pending", "paused"]),
                name="deadline_one_live_per_kind",
            ),
            models.CheckConstraint(
                condition=(Q(state="fired") & Q(fired_at__isnull=False))
                | (~Q(state="fired") & Q(fired_at__isnull=True)),
                name="deadline_fired_has_time",
            ),
            models.CheckConstraint(
                condition=Q(fired_at__isnull=True) | Q(fired_at__gte=models.F("due_at")),
                name="deadline_never_fires_early",
            ),
        ]
        indexes = [
            # Read by the watchdog's look at fired clocks and by /metrics' lateness.
            models.Index(fields=["fired_at"], name="deadline_fired", condition=Q(state="fired")),
            # Read by the watchdog's look at pauses.
            models.Index(fields=["id"], name="deadline_paused", condition=Q(state="paused")),
            # Read by the watchdog, which lets what was set aside try again.
            models.Index(
                fields=["quarantined_at"],
                name="deadline_set_aside",
                condition=Q(state="pending", quarantined_at__isnull=False),
            ),
            # Read by tickets.sweep.claim_due: holds only what can still fire.
            models.Index(
                fields=["due_at", "id"],
                name="deadline_due",
                condition=Q(state="pending", quarantined_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.kind}"

    @property
    def is_live(self) -> bool:
        return self.state in self.LIVE_STATES

    @property
    def late_by_s(self) -> float | None:
        """Seconds between the due instant and what happened; null while nothing has."""
        happened_at = self.fired_at or self.met_at
        if happened_at is None or happened_at < self.due_at:
            return None if happened_at is None else 0.0
        return (happened_at - self.due_at).total_seconds()


class ClockPause(models.Model):
    """A stretch of time in which an internal clock stood still, and why."""

    deadline = models.ForeignKey(Deadline, on_delete=models.CASCADE, related_name="pauses")
    from_at = models.DateTimeField(_("from"))
    to_at = models.DateTimeField(_("to"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=200)
    actor = models.CharField(_("actor"), max_length=150)

    class Meta:
        verbose_name = _("pause")
        verbose_name_plural = _("pauses")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["deadline"],
                condition=Q(to_at__isnull=True),
                name="clock_pause_one_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.deadline_id} {self.from_at:%Y-%m-%d %H:%M}"


class SweepBeat(models.Model):
    """When each driver of the timers last came round; /healthz/timers reads it."""

    name = models.CharField(_("name"), max_length=50, primary_key=True)
    last_ok_at = models.DateTimeField(_("last round"))
    last_fired = models.PositiveIntegerField(_("fired last time"), default=0)

    class Meta:
        verbose_name = _("timer heartbeat")
        verbose_name_plural = _("timer heartbeats")

    def __str__(self) -> str:
        return self.name
