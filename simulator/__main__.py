"""python -m simulator [--port N] [--data DIR]"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from simulator import (
    alipay,
    aliyun_sms,
    files,
    robots,
    supplier,
    trades,
    wechatpay_book,
    wechatpay_keys,
)
from simulator.alipay import AlipayGateway
from simulator.aliyun_sms import AliyunSmsGateway
from simulator.gateway import Gateway
from simulator.messages import Refusal
from simulator.notifies import Notifier, TellingGateway
from simulator.robots import RobotsGateway
from simulator.sandbox import SandboxGateway
from simulator.server import SimulatorServer
from simulator.shop import ShopGateway
from simulator.store import Store
from simulator.supplier import SupplierGateway, add_past_order
from simulator.wechatpay import WechatpayGateway
from simulator.wechatpay_keys import WechatpayKeys

#: Keys that belong together, and who makes them.
KEY_MAKERS = (
    (alipay.KEY_NAMES, alipay.make_keys),
    (wechatpay_keys.KEY_NAMES, wechatpay_keys.make_keys),
    (aliyun_sms.KEY_NAMES, aliyun_sms.make_keys),
    (robots.KEY_NAMES, robots.make_keys),
)


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    data: Path = options.data
    data.mkdir(parents=True, exist_ok=True)
    lock = files.lock_data(data)
    if lock is None:
        return _fail(f"another simulator already runs with {data}")
    # Whoever waits for this file must not read the address of the one before.
    (data / files.ADDRESS_FILE).unlink(missing_ok=True)
    with lock:
        return run(data, options.host, options.port)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m simulator", description="Payment channels and a supplier to practise with."
    )
    parser.add_argument("--host", default="127.0.0.1", help="default: 127.0.0.1")
    parser.add_argument(
        "--port", type=int, default=0, help="default: the port of last time, else a free one"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("HELPDESK_DATA", "var")),
        help="where store, keys and address are kept; default: HELPDESK_DATA, else var",
    )
    options = parser.parse_args(arguments)
    if not 0 <= options.port <= 65_535:
        parser.error("--port must be 0 to 65535")
    return options


def run(data: Path, host: str, port: int) -> int:
    """This function will serve until SIGTERM or SIGINT and return the exit code."""
    keys = files.get_keys(data, KEY_MAKERS)
    store = Store(data / files.STORE_FILE)
    load_seed(store, data / files.SEED_FILE)
    telling: list[TellingGateway] = [
        SupplierGateway(keys["supplier_secret"]),
        AlipayGateway(keys, store),
        WechatpayGateway(WechatpayKeys(keys), store),
    ]
    silent: list[Gateway] = [
        SandboxGateway(keys["sandbox_secret"]),
        ShopGateway(keys["shop_secret"]),
        AliyunSmsGateway(keys, store),
        RobotsGateway(keys, store),
    ]
    gateways = [*silent, *telling]
    stopping = threading.Event()
    try:
        server = listen(host, port, store=store, gateways=gateways, stopping=stopping)
    except OSError as error:
        return _fail(f"cannot listen on {host}:{port}: {error.strerror or error}")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    Notifier(store, settle_due=settle_due, postmen=telling, stopping=stopping).start()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    announce(data, host, int(server.server_address[1]), keys, store)
    stopping.wait()
    server.shutdown()
    server.server_close()
    (data / files.ADDRESS_FILE).unlink(missing_ok=True)
    return 0


def settle_due(store: Store) -> None:
    """This function will move what is due at the gateways where things happen later."""
    supplier.settle_due(store)
    wechatpay_book.settle_due(store)


def load_seed(store: Store, path: Path) -> None:
    """This function will make known what the seed file lists; a broken line is said and left out:
    a desk with half a simulator is worth more than one with none."""
    if not path.exists():
        return
    try:
        seed = json.loads(path.read_text("utf-8"))
        past_trades, past_orders = list(seed.get("trades", [])), list(seed.get("orders", []))
    except (ValueError, AttributeError, TypeError) as error:
        print(f"simulator: {path} is left out: {error}", file=sys.stderr)
        return
    with store.transaction():
        for add, items in ((trades.add_trade, past_trades), (add_past_order, past_orders)):
            for item in items:
                try:
                    add(store, item)
                except (Refusal, AttributeError) as refusal:
                    print(f"simulator: {path}: {item}: {refusal}", file=sys.stderr)


def listen(
    host: str, port: int, *, store: Store, gateways: list[Gateway], stopping: threading.Event
) -> SimulatorServer:
    """This function will listen on the given port, else the last one, else any free one.

    :raises OSError: when a port was given and is taken.
    """
    last = int(store.get_meta("port") or 0)
    for candidate in [port] if port else [last, 0]:
        try:
            return SimulatorServer(
                (host, candidate), store=store, gateways=gateways, stopping=stopping
            )
        except OSError:
            if candidate in (port, 0):
                raise
    raise OSError("no port")


def announce(data: Path, host: str, port: int, keys: dict[str, str], store: Store) -> None:
    """This function will tell where the simulator listens, once it does."""
    store.set_meta("port", str(port))
    reachable = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host
    url = f"http://{reachable}:{port}"
    address = {"url": url, "control_url": f"{url}/control", "pid": os.getpid()}
    print(f"Gateway simulator at {url}, control at {url}/control", flush=True)
    for name, value in sorted(keys.items(), key=lambda item: (not is_shared(item[0]), item[0])):
        shown = value if "\n" not in value else f"in {data / files.KEYS_FILE}"
        print(f"  {name} = {shown}", flush=True)
    files.write_json(data / files.ADDRESS_FILE, address)


def is_shared(name: str) -> bool:
    """The few secrets that both sides hold come first."""
    return name.endswith("_secret")


def _fail(message: str) -> int:
    print(f"simulator: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
