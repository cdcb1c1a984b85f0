"""The gateway simulator for tests: the real program, over real HTTP.

    def test_refund(simulator):
        simulator.trade("T1", 5000)                          # a payment it knows
        simulator.fault("sandbox.refund", "timeout_after_effect", seconds=1)
        ...
        assert simulator.effects("RF1") == [("sandbox.refund", 5000)]

`simulator` (function scope): nothing in its book, no faults, no trades; Django's settings
SANDBOX_*, SUPPLIER_*, ALIPAY_*, WECHATPAY_* and SHOP_REFUND_* point at it.
`simulator_process` (session scope): the same object without reset and settings, for wider
fixtures; `.environ` holds the variables that point another process at it.

Members
    .url .secrets .environ
    .control                      raw: .post(path, body), .get(path, **query)
    .trade(trade_no, amount_fen)  a payment; more: channel, merchant_trade_no, paid_at
    .trades([...])                many
    .fault(target, mode, times=1, seconds=None)
    .outcome(state, number="")    what the supplier does with one order, or all coming ones; more:
                                  after_s, delivered_fen, voucher, code, cancellable
    .orders([...])                orders of the past at the supplier
    .wechatpay_plan(status, number="", after_s=0)
                                  what becomes of one WeChat Pay refund, or of all coming ones
    .wechatpay_rules(...)         its limits, such as refund_spacing_s=0
    .ledger(number="")            the book; .calls() and .effects() are pairs out of it
    .reset()
    .kill()                       SIGKILL; .stop(): SIGTERM, returns the exit code
    .start()                      again, with the same store, port and keys
    .wait_for(condition)
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parent.parent
WECHATPAY_SETTINGS = (
    *("WECHATPAY_MCH_ID", "WECHATPAY_SERIAL_NO", "WECHATPAY_PRIVATE_KEY"),
    *("WECHATPAY_APIV3_KEY", "WECHATPAY_PUBLIC_KEY_ID", "WECHATPAY_PUBLIC_KEY"),
)
ALIYUN_SMS_KEYS = (
    *("aliyun_sms_access_key_id", "aliyun_sms_access_key_secret", "aliyun_sms_sign_name"),
)


class Control:
    """The simulator's /control as it stands in the contract."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(trust_env=False, timeout=10)

    def post(self, path: str, body: Any = None) -> dict[str, Any]:
        return self._read(self._client.post(f"{self.url}/control/{path}", json=body or {}))

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        return self._read(self._client.get(f"{self.url}/control/{path}", params=query))

    def _read(self, response: httpx.Response) -> dict[str, Any]:
        assert response.status_code == 200, f"{response.status_code} {response.text}"
        body: dict[str, Any] = response.json()
        return body


class Simulator:
    def __init__(self, data: Path) -> None:
        self.data = data
        self.process: subprocess.Popen[str] | None = None
        self.start()
        self.secrets: dict[str, str] = json.loads((data / "simulator-keys.json").read_text())

    def start(self, *options: str) -> None:
        """Run the program with this store until it says where it listens."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "simulator", "--data", str(self.data), *options],
            cwd=ROOT,
            text=True,
            stdout=subprocess.DEVNULL,
        )
        pid, address_file = self.process.pid, self.data / "simulator.json"

        def is_ready() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, f"simulator exited with {self.process.returncode}"
            return address_file.exists() and json.loads(address_file.read_text())["pid"] == pid

        self.wait_for(is_ready, within=30)
        self.url: str = json.loads(address_file.read_text())["url"]
        self.control = Control(self.url)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(10)

    @property
    def environ(self) -> dict[str, str]:
        return {
            "SANDBOX_URL": self.url,
            "SANDBOX_SECRET": self.secrets["sandbox_secret"],
            "SUPPLIER_URL": self.url,
            "SUPPLIER_SECRET": self.secrets["supplier_secret"],
            "ALIPAY_APP_ID": self.secrets["alipay_app_id"],
            "ALIPAY_PRIVATE_KEY": self.secrets["alipay_app_private_key"],
            "ALIPAY_PUBLIC_KEY": self.secrets["alipay_public_key"],
            "ALIPAY_GATEWAY_URL": f"{self.url}/alipay/gateway.do",
            **{name: self.secrets[name.lower()] for name in WECHATPAY_SETTINGS},
            "WECHATPAY_URL": f"{self.url}/wechat",
            "SHOP_REFUND_URL": f"{self.url}/shop/refund",
            "SHOP_REFUND_SECRET": self.secrets["shop_secret"],
        }

    @property
    def notice_environ(self) -> dict[str, str]:
        """What has notices leave by SMS and robots as well; asked for by tests of these alone."""
        keys = self.secrets
        return {
            "ALIYUN_SMS_URL": self.url,
            **{name.upper(): keys[name] for name in ALIYUN_SMS_KEYS},
            "WECOM_ROBOT_URL": f"{self.url}/cgi-bin/webhook/send?key={keys['wecom_robot_key']}",
            "DINGTALK_ROBOT_URL": (
                f"{self.url}/robot/send?access_token={keys['dingtalk_robot_token']}"
            ),
            "DINGTALK_ROBOT_SECRET": keys["dingtalk_robot_secret"],
            "FEISHU_ROBOT_URL": f"{self.url}/open-apis/bot/v2/hook/{keys['feishu_robot_token']}",
            "FEISHU_ROBOT_SECRET": keys["feishu_robot_secret"],
        }

    def texts(self) -> list[dict[str, Any]]:
        """The SMS that were sent, oldest first."""
        sent: list[dict[str, Any]] = self.control.get("sms")["sms"]
        return sent

    def said(self, robot: str) -> list[str]:
        """What a group's robot said, oldest first."""
        messages = self.control.get("robots")["messages"]
        return [message["text"] for message in messages if message["robot"] == robot]

    def trade(self, trade_no: str, amount_fen: int, **more: Any) -> None:
        """Make a payment known: channel (default sandbox), merchant_trade_no, paid_at."""
        facts = {"channel": "sandbox", "paid_at": "2026-11-24T10:00:00+08:00", **more}
        self.control.post("trades", {"trade_no": trade_no, "amount_fen": amount_fen, **facts})

    def trades(self, trades: list[dict[str, Any]]) -> None:
        self.control.post("trades", {"trades": trades})

    def fault(
        self, target: str, mode: str, *, times: int | None = 1, seconds: float | None = None
    ) -> None:
        body = {"target": target, "mode": mode, "times": times, "seconds": seconds}
        self.control.post("faults", body)

    def outcome(self, state: str, number: str = "", **more: Any) -> None:
        """Choose pending, success, fail or partial (delivered_fen) for one order or all coming
        ones; more: after_s, voucher=False, code, cancellable=False."""
        self.control.post("outcomes", {"state": state, "number": number, **more})

    def wechatpay_plan(self, status: str, number: str = "", *, after_s: float = 0.0) -> None:
        """Choose PROCESSING, SUCCESS, CLOSED or ABNORMAL for one refund or all coming ones."""
        body = {"status": status, "number": number, "after_s": after_s}
        self.control.post("wechatpay/plans", body)

    def wechatpay_rules(self, **rules: float) -> None:
        """Change WeChat Pay's limits until the reset: see simulator/wechatpay_book.py."""
        self.control.post("wechatpay/rules", rules)

    def orders(self, orders: list[dict[str, Any]]) -> None:
        self.control.post("orders", {"orders": orders})

    def ledger(self, number: str = "") -> dict[str, list[dict[str, Any]]]:
        return self.control.get("ledger", number=number)

    def calls(self, number: str = "") -> list[tuple[str, str]]:
        return [(call["target"], call["outcome"]) for call in self.ledger(number)["calls"]]

    def effects(self, number: str = "") -> list[tuple[str, int]]:
        rows = self.ledger(number)["effects"]
        return [(effect["target"], effect["amount_fen"]) for effect in rows]

    def reset(self) -> None:
        self.control.post("reset", {"trades": True})

    def wait_for(self, condition: Callable[[], Any], *, within: float = 30) -> Any:
        """Ask again and again until the condition holds; its value is returned."""
        give_up_at = time.monotonic() + within
        while not (value := condition()):
            assert time.monotonic() < give_up_at, f"not within {within} s"
            time.sleep(0.02)
        return value


@pytest.fixture(scope="session")
def simulator_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    program = Simulator(tmp_path_factory.mktemp("simulator"))
    yield program
    program.stop()


@pytest.fixture
def simulator(simulator_process: Simulator, settings: Any) -> Simulator:
    assert simulator_process.process is not None
    if simulator_process.process.poll() is not None:  # An earlier test left it dead.
        simulator_process.start()
    simulator_process.reset()
    for name, value in simulator_process.environ.items():
        setattr(settings, name, value)
    return simulator_process
