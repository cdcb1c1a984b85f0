"""The drill: what it sets up, what it finds when all is well, and what it finds when it is not."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import override_settings

from orders.models import LimitCounter, Order, Payment, Refund
from orders.settlement import rescue_refunds
from tests.api.conftest import make_person, now_is
from tests.simulator_fixture import Simulator as RunningSimulator
from tests.tickets.pages import NOON
from tickets.drill.gateway import NoSimulator, Simulator, find_simulator
from tickets.drill.scenes import CLOCKS, POLICY, SCENES
from tickets.drill.stage import (
    Play,
    clear_stage,
    desk_is_running,
    find_agent,
    lay_policy,
    open_plays,
    play_agent,
)
from tickets.drill.verdict import Check, is_over, judge
from tickets.models import Deadline, Event, Notice, ServicePolicy, StaffedHours, SweepBeat, Ticket
from tickets.policy_reader import read_policy
from tickets.relay import relay
from tickets.sweep import sweep

pytestmark = pytest.mark.django_db

__all__ = ["now_is"]  # A fixture of the calls' tests.

WITHOUT_MONEY = tuple(scene for scene in SCENES if not scene.needs_money)


class Time:
    """The drill's clock, moved by the test."""

    def __init__(self, start: datetime = NOON) -> None:
        self.start = self.now = start

    def __call__(self) -> datetime:
        return self.now

    def set(self, seconds: float) -> None:
        self.now = self.start + timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture(autouse=True)
def _people() -> None:
    make_person("chen.jing", "agent")
    make_person("zhao.min", "supervisor")


@pytest.fixture
def control(simulator: RunningSimulator) -> Simulator:
    return find_simulator()


def run_desk(
    plays: list[Play], clock: Time, *, with_money: bool = True, until: float = 30, late: float = 0
) -> None:
    """Plays the desk's workers, second by second, and the agent in the second one."""
    (acting,) = [play for play in plays if play.scene.agent_acts]
    for second in range(int(until) + 1):
        clock.set(second + late)
        if second == 1:
            agent = find_agent()
            assert agent is not None
            play_agent(acting, agent, with_money=with_money, clock=clock)
        sweep(now=clock())
        for _round in range(2):
            relay(clock=clock)
            rescue_refunds(clock=clock)
        relay(clock=clock)


def failed(checks: list[Check]) -> list[str]:
    return [f"{check.scene} {check.text}" for check in checks if not check.passed]


def test_on_a_desk_that_works_every_step_comes_in_time_once(control: Simulator, clock: Time):
    plays = open_plays(simulator=control, email="drill@example.com", clock=clock)
    assert not any(is_over(play) for play in plays)
    run_desk(plays, clock)
    assert all(is_over(play) for play in plays)
    checks = judge(plays, simulator=control, tolerance_s=1.0)
    assert failed(checks) == []
    assert len(checks) > 50
    outcomes = {p.scene.key: (p.ticket.status, p.ticket.outcome, p.ticket.level) for p in plays}
    assert outcomes == {
        "A": ("resolved", "refunded", "supervisor"),
        "B": ("in_progress", "", "referred"),
        "C": ("resolved", "refunded", "agent"),
    }


def test_at_night_the_warning_comes_at_once_and_all_is_well(control: Simulator):
    """Nobody is at work before the desk acts, so whoever is on call learns of it at the opening."""
    StaffedHours.objects.bulk_create(
        StaffedHours(weekday=day, opens_at=time(9), closes_at=time.min) for day in range(7)
    )
    clock = Time(NOON + timedelta(hours=13))
    plays = open_plays(simulator=control, email="drill@example.com", clock=clock)
    run_desk(plays, clock)
    assert failed(judge(plays, simulator=control, tolerance_s=1.0)) == []
    warned = Event.objects.filter(
        kind="commitment_warned", at__lt=clock.start + timedelta(seconds=2)
    )
    assert warned.count() == len(plays)


def test_what_it_makes_is_marked_and_counted_nowhere(control: Simulator, clock: Time):
    plays = open_plays(simulator=control, email="", clock=clock)
    run_desk(plays, clock)
    assert set(Order.objects.values_list("source", flat=True)) == {"drill"}
    assert all(Ticket.objects.values_list("is_drill", flat=True))
    assert set(Ticket.objects.values_list("intake", flat=True)) == {"drill"}
    shared = {"shop:auto", *LimitCounter.objects.values_list("key", flat=True)}
    assert {key for key in shared if not key.startswith("drill:")} == {"shop:auto"}
    assert not LimitCounter.objects.filter(key="shop:auto").exists()


def test_its_promises_are_its_own(clock: Time):
    lay_policy(now=clock())
    lay_policy(now=clock())
    row = ServicePolicy.objects.get()
    assert (row.code, row.version) == ("drill", 1)
    assert read_policy(row.body) == read_policy(POLICY)
    ServicePolicy.objects.update(body=row.body | {"rehearsal": True})
    lay_policy(now=clock())
    assert ServicePolicy.objects.get().body["rehearsal"] is False
    assert max(CLOCKS.values()) < 30


def test_timers_that_stand_still_fail_it(control: Simulator, clock: Time):
    plays = open_plays(simulator=control, email="", clock=clock)
    clock.set(30)
    found = failed(judge(plays, simulator=control, tolerance_s=3.0))
    assert "A deadline_fired agent_resolution, came 0 times" in found
    assert "A commitment_enforced, came 0 times" in found
    assert "C replied, came 0 times" in found
    assert "A one refund row: 0" in found
    assert any(line.startswith("A the customer was told: not of ") for line in found)


def test_a_late_sweep_fails_it(control: Simulator, clock: Time):
    plays = open_plays(simulator=control, email="", clock=clock)
    run_desk(plays, clock, late=0.9)
    assert failed(judge(plays, simulator=control, tolerance_s=1.0)) == []
    found = failed(judge(plays, simulator=control, tolerance_s=0.5))
    assert found == [
        "A every clock fired within 0.5 s: 0.90 s",
        "B every clock fired within 0.5 s: 0.90 s",
    ]


def test_money_that_did_not_move_fails_it(
    control: Simulator, simulator: RunningSimulator, clock: Time
):
    plays = open_plays(simulator=control, email="", clock=clock)
    run_desk(plays, clock)
    simulator.control.post("reset")
    found = failed(judge(plays, simulator=control, tolerance_s=1.0))
    assert found == ["A moved at the channel: [] fen", "C moved at the channel: [] fen"]


def test_a_message_that_stays_fails_it(control: Simulator, clock: Time):
    plays = open_plays(simulator=control, email="", clock=clock)
    run_desk(plays, clock)
    Notice.objects.filter(kind="referred").update(state=Notice.State.PENDING)
    found = failed(judge(plays, simulator=control, tolerance_s=1.0))
    assert found == ["B the customer was told: not of referred"]
    assert [is_over(play) for play in plays] == [True, False, True]


def test_the_refused_refund_disturbs_nobody_elses(
    control: Simulator, simulator: RunningSimulator, clock: Time
):
    plays = open_plays(simulator=control, email="", clock=clock)
    run_desk(plays, clock)
    refused = Refund.objects.get(origin=plays[1].ticket.uuid)
    assert (refused.state, refused.code) == ("rejected", "PARAM_ERROR")
    assert simulator.control.get("faults")["faults"] == []


def test_without_a_simulator_no_order_of_it_has_money(clock: Time):
    plays = open_plays(scenes=WITHOUT_MONEY, simulator=None, email="", clock=clock)
    assert not Payment.objects.exists()
    run_desk(plays, clock, with_money=False)
    assert failed(judge(plays, simulator=None, tolerance_s=1.0)) == []
    assert not Refund.objects.exists()


def test_nothing_open_is_left_behind(control: Simulator, clock: Time):
    plays = open_plays(simulator=control, email="", clock=clock)
    run_desk(plays, clock, until=7)
    assert clear_stage(plays, clock=clock) == []
    for play in plays:
        play.ticket.refresh_from_db()
    assert [play.ticket.status for play in plays] == ["withdrawn", "withdrawn", "resolved"]
    assert not Deadline.objects.filter(
        state="pending", ticket__status__in=Ticket.OPEN_STATUSES
    ).exists()


def test_money_on_its_way_is_left_to_the_desk_and_said(control: Simulator, clock: Time):
    plays = open_plays(simulator=control, email="", clock=clock)
    agent = find_agent()
    assert agent is not None
    play_agent(plays[2], agent, with_money=True, clock=clock)
    (left,) = clear_stage(plays, clock=clock)
    assert left.startswith(f"{plays[2].ticket.number} stays open")


def test_mail_of_a_drill_says_that_it_is_one(control: Simulator, clock: Time):
    plays = open_plays(simulator=control, email="drill@example.com", clock=clock)
    relay(clock=clock)
    subjects = plays[0].ticket.notices.exclude(subject="").values_list("subject", flat=True)
    assert subjects
    words = {subject.split("]")[0].split("】")[0] for subject in subjects}
    assert len(words) == 1


# Before it begins


def test_a_desk_that_does_not_run_is_said_in_one_line():
    assert not desk_is_running(now=NOON)
    SweepBeat.objects.create(name="beat", last_ok_at=NOON - timedelta(seconds=16))
    assert not desk_is_running(now=NOON)
    with pytest.raises(CommandError, match="The desk is not running") as refused:
        call_command("drill")
    assert refused.value.returncode == 2
    assert "\n" not in str(refused.value)
    assert not Order.objects.exists()


def test_a_desk_without_an_agent_is_not_ready(now_is: Any):
    User.objects.all().delete()
    SweepBeat.objects.create(name="beat", last_ok_at=NOON)
    with pytest.raises(CommandError, match="Nobody works disputes") as refused:
        call_command("drill")
    assert refused.value.returncode == 2


def test_a_demo_without_its_simulator_is_not_drilled_by_halves(now_is: Any):
    SweepBeat.objects.create(name="beat", last_ok_at=NOON)
    with override_settings(DEMO=True), pytest.raises(CommandError, match="no simulator") as refused:
        call_command("drill")
    assert refused.value.returncode == 2
    assert not Event.objects.exists()


def test_a_simulator_that_the_desk_does_not_use_is_none(
    control: Simulator, settings: Any, clock: Time
):
    settings.SANDBOX_SECRET = "another one"
    with pytest.raises(NoSimulator):
        open_plays(simulator=control, email="", clock=clock)
    assert not Ticket.objects.exists()


def test_real_money_is_never_drilled():
    with pytest.raises(NoSimulator):
        find_simulator()
