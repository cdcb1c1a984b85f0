"""The timers without Celery and Redis: one round, or until somebody says stop."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from helpdesk import clock
from orders.models import Order, Payment, Refund
from tests.api.conftest import make_person
from tests.simulator_fixture import Simulator
from tests.tickets.pages import make_order
from tickets import driver
from tickets.actors import Actor
from tickets.driver import Round, attempt, run_forever, until_next_due
from tickets.intake import Contact, Dispute, open_ticket
from tickets.models import Deadline, ServicePolicy, SweepBeat, Ticket
from tickets.policies import get_policy, replace_policy
from tickets.policy import DEFAULT_POLICY


def seconds_policy(**changes: Any) -> dict[str, Any]:
    """The whole ladder within a few seconds."""
    body = DEFAULT_POLICY.to_json()
    for name, seconds in (
        ("first_reply", 1),
        ("agent_resolution", 1),
        ("supervisor_resolution", 1),
        ("commitment_warning", 2),
        ("commitment", 12),
        ("referral", 20),
    ):
        body["clocks"][name] = {"within": f"PT{seconds}S", "clock": "wall"}
    return body | {"enforce_lead": "PT10S", "referral_grace": "PT2S"} | changes


def open_dispute() -> Ticket:
    """Wang Fang's top-up failed by our own records: the promise runs without her proof."""
    now = clock.now()
    order = make_order(
        status=Order.Status.FAILED, supplier="", facts_as_of=now, created_at=now, updated_at=now
    )
    Payment.objects.update(channel="sandbox", channel_trade_no="SBX-WANG-1")
    dispute = Dispute("non_arrival", "没到账。", Contact(email="wang.fang@example.com"))
    return open_ticket(order=order, dispute=dispute, actor=Actor.customer(), now=now).ticket


def wait_until(condition: Callable[[], Any], within: float = 30) -> Any:
    give_up_at = time.monotonic() + within
    while not (value := condition()):
        assert time.monotonic() < give_up_at, f"not within {within} s"
        time.sleep(0.05)
    return value


@pytest.mark.django_db
def test_one_round_fires_what_is_due_and_says_so(capsys: pytest.CaptureFixture[str]):
    ticket = open_dispute()
    Deadline.objects.filter(kind="first_reply").update(due_at=clock.now() - timedelta(seconds=1))
    call_command("sweep_deadlines", "--once")
    assert capsys.readouterr().out == "1 deadlines fired.\n"
    assert ticket.events.filter(kind="deadline_fired").count() == 1
    assert SweepBeat.objects.get().name == "command"
    call_command("sweep_deadlines")
    assert capsys.readouterr().out == "0 deadlines fired.\n"


@pytest.mark.django_db
def test_the_sweep_sleeps_until_the_next_clock_falls_due_and_a_second_at_most():
    assert until_next_due(clock.now) == 1.0
    open_dispute()
    due_at = clock.now() + timedelta(hours=1)
    Deadline.objects.update(due_at=due_at)
    assert until_next_due(lambda: due_at - timedelta(minutes=5)) == 1.0
    assert until_next_due(lambda: due_at - timedelta(seconds=0.3)) == pytest.approx(0.3)
    assert until_next_due(lambda: due_at + timedelta(seconds=9)) == driver.SHORTEST_WAIT_S


@pytest.mark.django_db(transaction=True)
def test_a_database_that_went_away_is_asked_again(caplog: pytest.LogCaptureFixture):
    outages = [OperationalError("server closed the connection unexpectedly")]

    def step(_clock: driver.Clock) -> int:
        if outages:
            raise outages.pop()
        return Deadline.objects.count()

    one = Round("sweep", step, lambda _clock: 0.0)
    assert attempt(one, clock.now) == driver.LONGEST_WAIT_S
    assert "sweep failed" in caplog.text
    assert attempt(one, clock.now) == 0.0


@pytest.mark.django_db(transaction=True)
def test_a_connection_cut_under_the_sweep_is_replaced():
    open_dispute()
    one = driver.ROUNDS[0]
    assert attempt(one, clock.now) <= driver.LONGEST_WAIT_S
    assert connection.connection is not None
    connection.connection.close()
    attempt(one, clock.now)
    before = SweepBeat.objects.get().last_ok_at
    attempt(one, clock.now)
    assert SweepBeat.objects.get().last_ok_at > before


@pytest.mark.django_db(transaction=True)
def test_a_slow_gateway_makes_no_deadline_late(monkeypatch: pytest.MonkeyPatch):
    """A worker that hangs in a call must not keep the sweep from its second."""
    open_dispute()
    hanging, stopping = threading.Event(), threading.Event()

    def hang(_clock: driver.Clock) -> int:
        hanging.set()
        stopping.wait(20)
        return 0

    sweeps, _relay, *others = driver.ROUNDS
    slow = Round("relay", hang, lambda _clock: 1.0)
    monkeypatch.setattr(driver, "ROUNDS", (sweeps, slow, *others))
    running = threading.Thread(
        target=run_forever, kwargs={"clock": clock.now, "stopping": stopping}
    )
    running.start()
    try:
        assert hanging.wait(10)
        due_at = clock.now() + timedelta(seconds=0.5)
        Deadline.objects.filter(kind="first_reply").update(due_at=due_at)
        fired = wait_until(lambda: Deadline.objects.filter(state="fired").first(), 10)
        assert fired.late_by_s < 2
    finally:
        stopping.set()
        running.join(10)
    assert not running.is_alive()


@pytest.fixture
def command(simulator: Simulator) -> Iterator["subprocess.Popen[str]"]:
    """The real command in a process of its own, on this test's database, without any Redis."""
    name = connection.settings_dict["NAME"]
    environment = {
        **os.environ,
        **simulator.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "SWEEP_TEST_DATABASE": str(name),
    }
    program = (
        "import os, django; from django.conf import settings\n"
        "settings.DATABASES['default']['NAME'] = os.environ['SWEEP_TEST_DATABASE']\n"
        "for k in ('SANDBOX_URL', 'SANDBOX_SECRET'): setattr(settings, k, os.environ[k])\n"
        "django.setup()\n"
        "from django.core.management import call_command\n"
        "call_command('sweep_deadlines', '--forever')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=settings.BASE_DIR,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    yield process
    process.kill()
    process.communicate()


@pytest.mark.django_db(transaction=True)
def test_the_whole_promise_is_kept_by_the_command_alone(
    command: "subprocess.Popen[str]", simulator: Simulator
):
    replace_policy(code="default", body=seconds_policy(), actor_label="system", now=clock.now())
    simulator.trade("SBX-WANG-1", 9800)
    ticket = open_dispute()

    def is_resolved() -> bool:
        assert command.poll() is None, command.communicate()
        ticket.refresh_from_db()
        return ticket.status == Ticket.Status.RESOLVED

    wait_until(is_resolved, 30)
    assert ticket.outcome == "refunded"
    refund = Refund.objects.get()
    assert simulator.effects(refund.refund_no) == [("sandbox.refund", 9800)]
    assert ticket.deadlines.get(kind="commitment").state == "met"
    command.send_signal(signal.SIGTERM)
    out, _err = command.communicate(timeout=10)
    assert command.returncode == 0
    assert out.endswith("Stopped.\n")


# Its neighbours


@pytest.mark.django_db
def test_the_watchdog_says_what_should_not_be_and_exits_with_it(
    capsys: pytest.CaptureFixture[str],
):
    ticket = open_dispute()
    with pytest.raises(SystemExit) as left:
        call_command("watchdog", no_color=True)
    assert left.value.code == 1  # Nobody is a supervisor here.
    found = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert (found["levels_without_people"], found["tickets_without_clock"]) == ("1", "0")
    assert found["timers"] == "no sweep within 15 s"
    ticket.deadlines.filter(kind="agent_resolution").update(state="cancelled")
    with pytest.raises(SystemExit):
        call_command("watchdog", no_color=True)
    assert "tickets_without_clock   1" in capsys.readouterr().out


@pytest.mark.django_db
def test_the_watchdog_is_content_when_all_is_zero(capsys: pytest.CaptureFixture[str]):
    make_person("zhao.min", "supervisor")
    open_dispute()
    call_command("watchdog", no_color=True)
    assert "stuck_refunds           0" in capsys.readouterr().out


@pytest.mark.django_db
def test_a_policy_is_loaded_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    get_policy()
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(seconds_policy()))
    call_command("load_policy", str(file))
    assert capsys.readouterr().out == "Policy default is at version 2.\n"
    row = ServicePolicy.objects.get()
    assert row.body["clocks"]["commitment"]["within"] == "PT12S"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "holds no JSON object"),
        (json.dumps(seconds_policy(enforce_lead="PT12S")), "is no policy"),
        (json.dumps(seconds_policy(code=7)), "is no policy"),
    ],
)
def test_a_file_that_holds_none_changes_nothing(tmp_path: Path, text: str, said: str):
    file = tmp_path / "policy.json"
    file.write_text(text)
    with pytest.raises(CommandError, match=said):
        call_command("load_policy", str(file))
    assert not ServicePolicy.objects.exists()


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path):
    with pytest.raises(CommandError, match="No such file"):
        call_command("load_policy", str(tmp_path / "nothing.json"))
