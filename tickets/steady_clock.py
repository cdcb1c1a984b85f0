"""A database whose clock has jumped fires nothing until the jump is understood.

Every deadline is compared with the database's clock. A failover to a host whose clock is a day
ahead would fire a day's promises at once. So each process that sweeps holds the database's clock
against its own monotonic one: both must have moved on by the same. A jump of more than five seconds
holds the sweep and raises an alarm, until the clock is back, or a person accepts it, or, for one of
at most ten minutes, until it has been steady for a minute.

The monotonic clock is CLOCK_BOOTTIME where there is one: it counts the time that a laptop sleeps.
What has no reading to compare with (a host that just started) is believed.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings

from tickets.alarms import alarm_supervisors
from tickets.models import ClockJump

logger = logging.getLogger(__name__)

TOLERANCE_S = 5.0
#: A step like that is what a time server does; nothing that it fires early is worth a night.
SMALL_S = 600.0
STEADY_S = 60.0
#: How often a steady reading is written down for processes that start later.
NOTED_EVERY_S = 60.0
TRUSTED_FOR_S = 3600.0
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Reading:
    """The database's clock, read between two instants of the monotonic one."""

    now: datetime
    before: float
    after: float


def read_clocks(clock: Callable[[], datetime]) -> Reading:
    before = monotonic()
    now = clock()
    return Reading(now, before, monotonic())


def monotonic() -> float:
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def boot_id() -> str:
    try:
        return BOOT_ID.read_text("ascii").strip()
    except OSError:
        return "host"


class SteadyClock:
    """One process's judgement. ``boot`` names the host's start, ``accept_all`` is a demo's: there
    no money moves, and a machine that slept should not look dead."""

    def __init__(self, boot: str, *, accept_all: bool = False) -> None:
        self.boot = boot
        self.accept_all = accept_all
        self.last: Reading | None = None
        self.noted_at = float("-inf")
        self.is_held = False

    def is_steady(self, reading: Reading) -> bool:
        """This function will tell whether the clock may be believed now; it keeps the reading."""
        base = self.last or self.recall(reading)
        jump = 0.0 if base is None else measure_jump(base, reading)
        if self.is_held:
            return self.judge_held(reading, jump)
        if abs(jump) > TOLERANCE_S:
            assert base is not None
            self.hold(base, reading, jump)
            return False
        self.keep(reading)
        return True

    def recall(self, reading: Reading) -> Reading | None:
        """What an earlier process of this host noted, held or not. Over days two clocks drift
        apart by themselves, so an old reading says nothing."""
        row = ClockJump.objects.filter(pk=self.boot).first()
        if row is None:
            return None
        self.is_held = row.held_since is not None
        if not self.is_held and reading.before - row.monotonic > TRUSTED_FOR_S:
            return None
        self.last = Reading(row.read_at, row.monotonic, row.monotonic)
        return self.last

    def keep(self, reading: Reading) -> None:
        # A reading that took long says little; the one before says more.
        if self.last is None or reading.after - reading.before <= 1.0:
            self.last = reading
        if reading.after - self.noted_at >= NOTED_EVERY_S:
            self.note(self.last, held_since=None, jump_s=0.0)
            self.noted_at = reading.after

    def hold(self, base: Reading, reading: Reading, jump: float) -> None:
        self.is_held, self.last = True, base
        logger.error("the database's clock has jumped by %.1f s: the sweep is held", jump)
        self.note(base, held_since=reading.after, jump_s=jump)
        alarm_supervisors(
            "clock_jumped_staff",
            key=f"clock:{self.boot}:{base.now.isoformat()}:{round(jump)}",
            now=reading.now,
            seconds=round(jump),
            small=abs(jump) <= SMALL_S or self.accept_all,
        )

    def judge_held(self, reading: Reading, jump: float) -> bool:
        row = ClockJump.objects.filter(pk=self.boot).first()
        is_over = row is None or row.accepted or row.held_since is None or abs(jump) <= TOLERANCE_S
        if not is_over:
            assert row is not None
            assert row.held_since is not None
            if abs(jump - row.jump_s) > TOLERANCE_S:
                # It has jumped again: its minute of steadiness begins anew.
                ClockJump.objects.filter(pk=self.boot).update(jump_s=jump, held_since=reading.after)
                return False
            is_small = abs(jump) <= SMALL_S or self.accept_all
            is_over = is_small and reading.after - row.held_since >= STEADY_S
        if is_over:
            logger.warning("the database's clock is believed again")
            self.is_held, self.last, self.noted_at = False, None, float("-inf")
            self.keep(reading)
        return is_over

    def note(self, reading: Reading, *, held_since: float | None, jump_s: float) -> None:
        ClockJump.objects.update_or_create(
            boot=self.boot,
            defaults={
                "read_at": reading.now,
                "monotonic": reading.before,
                "held_since": held_since,
                "jump_s": jump_s,
                "accepted": False,
            },
        )


def measure_jump(base: Reading, reading: Reading) -> float:
    """This function will say by how much the database's clock has gone further than the monotonic
    one, in seconds; 0 where the time that the readings took may explain it."""
    by_database = (reading.now - base.now).total_seconds()
    least, most = reading.before - base.after, reading.after - base.before
    if by_database > most:
        return by_database - most
    return min(by_database - least, 0.0)


def accept_clock() -> int:
    """This function will have every host believe the clock as it stands; says how many held."""
    return ClockJump.objects.filter(held_since__isnull=False).update(accepted=True)


_of_this_process: SteadyClock | None = None


def read_steady(clock: Callable[[], datetime]) -> datetime | None:
    """This function will read the clock for a sweep; None while it must not be believed."""
    global _of_this_process
    if _of_this_process is None:
        _of_this_process = SteadyClock(boot_id(), accept_all=settings.DEMO)
    reading = read_clocks(clock)
    return reading.now if _of_this_process.is_steady(reading) else None
