"""The program: where it keeps things, how it starts again, how it stops."""

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orders.channels import sandbox
from orders.channels.base import Outcome, TradeRef
from tests.simulator_fixture import ROOT, Simulator

TRADE = TradeRef(channel_trade_no="T1")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Simulator]:
    program = Simulator(tmp_path)
    yield program
    program.kill()


def test_killed_and_started_again_it_is_the_same(own, settings):
    for name, value in own.environ.items():
        setattr(settings, name, value)
    own.trade("T1", 500)
    sandbox.request(refund_no="RF1", trade=TRADE, amount_fen=500, total_fen=500, reason="")
    url, secrets = own.url, own.secrets
    own.kill()
    own.start()
    assert own.url == url
    assert Simulator.environ.fget(own)["SANDBOX_SECRET"] == secrets["sandbox_secret"]
    assert sandbox.query(refund_no="RF1", trade=TRADE).outcome == Outcome.SUCCEEDED
    again = sandbox.request(refund_no="RF1", trade=TRADE, amount_fen=500, total_fen=500, reason="")
    assert again.outcome == Outcome.SUCCEEDED
    assert own.effects() == [("sandbox.refund", 500)]


def test_what_the_demo_shop_sold_is_known_from_a_file(own, capfd):
    trade = {"channel": "sandbox", "trade_no": "T1", "amount_fen": 500, "paid_at": ""}
    order = {"number": "TU-OLD", "state": "fail", "amount_fen": 500, "code": "MAINTENANCE"}
    seed = {"trades": [trade, {**trade, "amount_fen": -1}, 7], "orders": [order]}
    (own.data / "simulator-seed.json").write_text(json.dumps(seed))
    for _ in range(2):
        assert own.stop() == 0
        own.start()
        assert [t["trade_no"] for t in own.control.get("trades")["trades"]] == ["T1"]
    assert own.control.post("orders", order) == {"created": 0, "known": 1}
    assert "amount_fen must be" in capfd.readouterr().err
    (own.data / "simulator-seed.json").write_text("{")
    assert own.stop() == 0
    own.start()


def test_its_keys_are_for_its_owner_only(own):
    for name in ("simulator-keys.json", "simulator.json"):
        assert stat.S_IMODE((own.data / name).stat().st_mode) == 0o600


def test_it_stops_at_once_even_with_a_call_hanging(own, settings):
    for name, value in own.environ.items():
        setattr(settings, name, value)
    own.fault("sandbox.query", "timeout_before_effect", seconds=600)
    with pytest.raises(Exception, match="ReadTimeout"):
        sandbox.query(refund_no="RF1", trade=TRADE, timeout=0.2)
    assert own.stop() == 0
    assert not (own.data / "simulator.json").exists()


def test_a_second_one_on_the_same_store_is_refused(own):
    command = [sys.executable, "-m", "simulator", "--data", str(own.data)]
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert second.returncode == 1
    assert "another simulator already runs" in second.stderr
    assert (own.data / "simulator.json").exists()


def test_a_taken_port_is_one_clear_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "simulator", "--data", str(tmp_path), "--port", port]
        second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}" in second.stderr


def test_when_its_last_port_is_taken_it_finds_another(own):
    port = int(own.url.rsplit(":", 1)[1])
    own.kill()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        own.start()
        assert not own.url.endswith(f":{port}")


def test_manage_py_starts_it_in_the_same_process(tmp_path):
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, str(ROOT / "manage.py"), "simulator", "--data", str(tmp_path)]
    process = subprocess.Popen(
        command, env=environ, cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert "control at http://127.0.0.1:" in process.stdout.readline()
        shared = [process.stdout.readline().split(" = ")[0].strip() for _line in range(6)]
        assert "sandbox_secret" in shared
    finally:
        process.terminate()
        assert process.wait(10) == 0
