"""Pages, probes, callbacks, files, the simulator and the commands that the contract names."""

import json
import os
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from tests.contract.outsider import Outsider, ok
from tests.desk import CHILDREN, ROOT

PAGES = {"/": 200, "/orders/lookup/": 302, "/rules/": 200, "/notices/": 200, "/admin/": 302,
         "/api/schema/": 200, "/api/docs/": 200, "/healthz": 200, "/readyz": 200,
         "/healthz/timers": 200, "/metrics": 200, "/orders/no-such-token/": 302,
         "/t/no-such-token/": 404, "/disputes/draft/no-such-token/": 404}  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_addresses(outside: Outsider, path: str):
    def answers() -> bool:
        return outside.http.get(path).status_code == PAGES[path]

    outside.wait_for(f"{path} answers {PAGES[path]}", answers, 60)


def test_looking_an_order_up_and_filing_without_a_script(outside: Outsider):
    order = outside.demo["order"]
    browser = httpx.Client(base_url=outside.demo["url"], follow_redirects=True, timeout=30)
    browser.get("/orders/lookup/")
    token = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    page = browser.post("/orders/lookup/", data=order | {"last4": order["account_last4"]} | token)
    assert page.url.path.startswith("/orders/"), page.url
    assert order["order_no"] in page.text
    assert browser.get("/disputes/new/").status_code == 200


@pytest.mark.parametrize("path", ["channels/alipay", "channels/wechatpay", "suppliers/sandbox"])
def test_callbacks_refuse_what_is_not_signed(outside: Outsider, path: str):
    for body in (b"", b"{}", b"sign=x&out_trade_no=1", b"\x00\xff"):
        answer = outside.http.post(f"/callbacks/{path}/", content=body)
        assert 400 <= answer.status_code < 500, (path, answer.text)
    assert outside.http.post("/callbacks/channels/nobody/").status_code == 404


def test_demo_json(outside: Outsider):
    path = outside.folder / "demo.json"
    assert path.stat().st_mode & 0o777 == 0o600
    demo = json.loads(path.read_text())
    assert set(demo) >= {"url", "accounts", "api_key", "order"}
    assert all(set(a) >= {"role", "username", "password", "api_key"} for a in demo["accounts"])
    roles = [account["role"] for account in demo["accounts"]]
    assert roles.count("supervisor") == 2
    assert {"agent", "supervisor", "admin"} == set(roles)
    assert set(demo["order"]) >= {"order_no", "account_last4"}


def test_simulator_json_and_processes_json(outside: Outsider):
    simulator = json.loads((outside.folder / "simulator.json").read_text())
    assert set(simulator) >= {"url", "control_url", "pid"}
    processes = json.loads((outside.folder / "processes.json").read_text())
    assert {child["name"] for child in processes["children"]} == CHILDREN
    pids = [processes["supervisor"], *(child["pid"] for child in processes["children"])]
    assert simulator["pid"] in pids
    for pid in pids:
        os.kill(pid, 0)


def test_the_simulators_control(outside: Outsider):
    trade_no, now = f"CT{uuid.uuid4().hex}", datetime.now(tz=UTC).isoformat()
    said = {"channel": "sandbox", "trade_no": trade_no, "amount_fen": 100, "paid_at": now}
    outside.control("POST", "/control/trades", json=said)
    for mode in ("timeout_after_effect", "timeout_before_effect", "http_500", "slow",
                 "reject:TRADE_FROZEN"):  # fmt: skip
        fault = {"target": "shop.refund", "mode": mode, "times": 1, "seconds": 1}
        outside.control("POST", "/control/faults", json=fault)
    for mode in ("duplicate_notify", "late_notify", "out_of_order_notify"):
        fault = {"target": "wechatpay.refund", "mode": mode, "times": 1, "seconds": 1}
        outside.control("POST", "/control/faults", json=fault)
    ledger = outside.control("GET", "/control/ledger")
    assert set(ledger) == {"calls", "effects"}
    for call in ledger["calls"]:
        assert set(call) >= {"seq", "at", "target", "number", "amount_fen", "outcome"}
    for effect in ledger["effects"]:
        assert set(effect) >= {"seq", "at", "target", "number", "amount_fen", "trade_no"}


def test_reset_forgets_faults_and_calls(outside: Outsider):
    fault = {"target": "sandbox.refund", "mode": "http_500", "times": 9}
    outside.control("POST", "/control/faults", json=fault)
    outside.control("POST", "/control/reset")
    assert outside.control("GET", "/control/ledger") == {"calls": [], "effects": []}
    number = outside.file_dispute(outside.place_order())
    ok(outside.by("agent").act(number, "refund", reason="查无充值"))
    outside.wait_for("refunded", lambda: outside.ticket(number)["status"] == "resolved", 60)


def manage(outside: Outsider, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=outside.desk.environment(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


COMMANDS = ("seed_demo", "setup_roles", "import_orders", "create_api_key", "load_policy",
            "load_calendar", "sweep_deadlines", "reconcile", "verify_evidence", "watchdog",
            "drill", "simulator")  # fmt: skip


def test_the_commands_are_there(outside: Outsider):
    known = manage(outside, "help", "--commands").stdout.split()
    assert [name for name in COMMANDS if name not in known] == []


def test_a_key_is_printed_once_and_acts_as_its_person(outside: Outsider):
    made = manage(outside, "create_api_key", f"k{uuid.uuid4().hex[:8]}", "--as", "agent")
    assert made.returncode == 0, made.stderr
    key = next(word for word in made.stdout.split() if word.startswith("desk_"))
    answer = outside.http.get("/api/v1/tickets", headers={"Authorization": f"Api-Key {key}"})
    assert answer.status_code == 200
    nobody = manage(outside, "create_api_key", "x", "--as", "nobody")
    assert nobody.returncode != 0
    assert len(nobody.stderr.strip().splitlines()) == 1, nobody.stderr


def test_orders_are_imported_but_for_the_broken_line(outside: Outsider, tmp_path: Path):
    run = uuid.uuid4().hex[:8].upper()
    lines = ["订单号,商品名称,充值账号,面值,实付金额,支付渠道,渠道流水号,支付时间,订单状态"]
    for number in range(1, 41):
        price = "一百" if number == 20 else "99.80"
        lines.append(
            f"IM{run}{number},话费100元,1390000{number:04},100,{price},支付宝,"
            f"T{run}{number},2026-11-24 14:30:00,充值中"
        )
    path = tmp_path / "orders.csv"
    path.write_bytes("\n".join(lines).encode("gb18030"))
    done = manage(outside, "import_orders", str(path))
    assert done.returncode != 0, done.stdout
    assert "21" in done.stdout + done.stderr, "the line in the file"
    stored = ok(outside.by("shop").get(f"/orders/IM{run}40"))
    assert stored["price_fen"] == 9980
    assert outside.by("shop").get(f"/orders/IM{run}20").status_code == 404
