"""What the watchdog finds reaches people; a desk that stands still reaches somebody outside; a
clock that jumps fires nothing."""

from datetime import timedelta

import pytest

from tests.listener import Listener
from tests.stories import HOUR, MINUTE, OPENING, SECOND, TICK, Desk
from tickets.deadman import ping_deadman
from tickets.models import ClockJump, Notice, SweepBeat, Worry
from tickets.notice_kinds import WORRIES
from tickets.steady_clock import SMALL_S, STEADY_S, Reading, SteadyClock, accept_clock, measure_jump
from tickets.watchdog import RECONCILERS
from tickets.worries import AGAIN_AFTER, QUIET, tell_worries

pytestmark = pytest.mark.django_db


def look(now, **found: int) -> None:
    tell_worries(dict.fromkeys(RECONCILERS, 0) | found, now=now)


def told(kind: str = "watchdog_worry_staff") -> int:
    return Notice.objects.filter(kind=kind, route="email").count()


class TestWorries:
    def test_once_again_after_an_hour_and_an_all_clear(self, desk: Desk) -> None:
        for minute in range(60):
            look(OPENING + minute * MINUTE, stuck_refunds=2)
        assert told() == 2, "each supervisor once"
        look(OPENING + AGAIN_AFTER - TICK, stuck_refunds=2)
        assert told() == 2
        look(OPENING + AGAIN_AFTER, stuck_refunds=3)
        assert told() == 4
        end = OPENING + AGAIN_AFTER + MINUTE
        look(end)
        look(end + QUIET - TICK)
        assert told("watchdog_clear_staff") == 0
        look(end + QUIET)
        assert told("watchdog_clear_staff") == 2
        assert not Worry.objects.exists()
        look(end + HOUR)
        assert (told(), told("watchdog_clear_staff")) == (4, 2)

    def test_what_comes_and_goes_is_one_worry(self, desk) -> None:
        for minute in range(0, 30, 2):
            look(OPENING + minute * MINUTE, stuck_outbox=1)
            look(OPENING + (minute + 1) * MINUTE)
        assert told() == 2
        assert told("watchdog_clear_staff") == 0

    def test_two_problems_are_two_alarms(self, desk) -> None:
        look(OPENING, stuck_outbox=1, stuck_refunds=1)
        assert told() == 4

    def test_what_has_an_alarm_of_its_own_is_not_told_twice(self, desk) -> None:
        look(OPENING, silent_sources=1)
        assert told() == 0

    def test_where_there_is_no_supervisor_whoever_runs_the_desk_is_told(self, admin) -> None:
        look(OPENING, levels_without_people=1)
        assert [n.user for n in Notice.objects.filter(route="email")] == [admin]

    def test_every_reconciler_has_its_words(self) -> None:
        assert set(WORRIES) == set(RECONCILERS)


class TestDeadman:
    @pytest.fixture
    def ears(self, settings):
        with Listener() as listener:
            settings.DEADMAN_URL = f"{listener.url}/ping/secret"
            yield listener

    def beat(self, now) -> None:
        SweepBeat.objects.update_or_create(name="beat", defaults={"last_ok_at": now})

    def test_it_is_called_only_while_the_timers_run(self, db, ears) -> None:
        assert ping_deadman(now=OPENING) is False, "no sweep ever"
        self.beat(OPENING)
        assert ping_deadman(now=OPENING + 15 * SECOND) is True
        assert ping_deadman(now=OPENING + 16 * SECOND) is False
        assert ears.gets == ["/ping/secret"]

    def test_a_failure_is_logged_without_the_address_and_breaks_nothing(
        self, db, ears, settings, caplog
    ) -> None:
        self.beat(OPENING)
        ears.status = 500
        assert ping_deadman(now=OPENING) is False
        settings.DEADMAN_URL = "http://127.0.0.1:9/ping/secret"
        assert ping_deadman(now=OPENING) is False
        assert "500" in caplog.text
        assert "not reached" in caplog.text
        assert "secret" not in caplog.text

    def test_without_an_address_nobody_is_called(self, db, settings) -> None:
        settings.DEADMAN_URL = ""
        assert ping_deadman(now=OPENING) is False


def read(database_s: float, host_s: float, took_s: float = 0.0) -> Reading:
    """Seconds of the database's clock after the opening, of the host's after its start."""
    return Reading(OPENING + timedelta(seconds=database_s), host_s, host_s + took_s)


class TestSteadyClock:
    @pytest.mark.parametrize(
        ("database_s", "steady"),
        [(1.0, True), (5.9, True), (6.0, True), (6.1, False), (-4.0, True), (-4.1, False)],
    )
    def test_five_seconds_either_way(self, desk, database_s, steady) -> None:
        clock = SteadyClock("boot")
        assert clock.is_steady(read(0, 100))
        assert clock.is_steady(read(database_s, 101)) is steady

    def test_a_slow_answer_is_no_jump(self) -> None:
        """The database was asked, and the answer took nine seconds."""
        assert measure_jump(read(0, 100), read(1, 101, took_s=9)) == 0.0
        assert measure_jump(read(0, 100, took_s=9), read(1, 101)) == 0.0

    def test_slow_drift_never_adds_up(self, db) -> None:
        clock = SteadyClock("boot")
        for second in range(0, 100_000, 60):
            assert clock.is_steady(read(second * 1.0005, 100 + second))

    def test_a_small_step_is_believed_after_a_minute(self, desk) -> None:
        clock = SteadyClock("boot")
        assert clock.is_steady(read(0, 100))
        assert not clock.is_steady(read(SMALL_S, 101))
        assert Notice.objects.filter(kind="clock_jumped_staff", route="email").count() == 2
        assert not clock.is_steady(read(SMALL_S + STEADY_S - 1, 101 + STEADY_S - 1))
        assert clock.is_steady(read(SMALL_S + STEADY_S, 101 + STEADY_S))
        assert clock.is_steady(read(SMALL_S + STEADY_S + 1, 102 + STEADY_S))
        assert Notice.objects.filter(kind="clock_jumped_staff", route="email").count() == 2

    def test_a_day_is_held_until_somebody_accepts_it(self, desk) -> None:
        clock = SteadyClock("boot")
        assert clock.is_steady(read(0, 100))
        for second in range(1, 7200, 60):
            assert not clock.is_steady(read(86_400 + second, 100 + second))
        assert accept_clock() == 1
        assert clock.is_steady(read(86_400 + 7200, 7300))
        assert clock.is_steady(read(86_400 + 7201, 7301))

    def test_it_goes_on_when_the_clock_is_back(self, desk) -> None:
        clock = SteadyClock("boot")
        assert clock.is_steady(read(0, 100))
        assert not clock.is_steady(read(86_400, 101))
        assert clock.is_steady(read(2, 102))

    def test_a_process_that_starts_later_holds_as_well(self, desk) -> None:
        first = SteadyClock("boot")
        assert first.is_steady(read(0, 100))
        second = SteadyClock("boot")
        assert not second.is_steady(read(86_401, 101))
        third = SteadyClock("boot")
        assert not third.is_steady(read(86_402, 102))
        assert ClockJump.objects.get().held_since == 101

    def test_a_host_that_was_started_anew_and_an_old_reading_are_believed(self, desk) -> None:
        assert SteadyClock("boot").is_steady(read(0, 100))
        assert SteadyClock("other").is_steady(read(86_400, 5))
        assert SteadyClock("boot").is_steady(read(86_400, 100 + 3601))

    def test_a_demo_does_not_look_dead_after_its_machine_slept(self, desk) -> None:
        clock = SteadyClock("boot", accept_all=True)
        assert clock.is_steady(read(0, 100))
        assert not clock.is_steady(read(30_000, 101))
        assert clock.is_steady(read(30_000 + STEADY_S, 101 + STEADY_S))

    def test_a_steady_second_costs_no_query(self, db, django_assert_num_queries) -> None:
        clock = SteadyClock("boot")
        clock.is_steady(read(0, 100))
        with django_assert_num_queries(0):
            assert clock.is_steady(read(1, 101))
