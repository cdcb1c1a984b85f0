"""Alipay as the simulator plays it: what a merchant's own client, not ours, would see."""

import csv
import io
import json
import threading
import zipfile
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

import httpx
import pytest

from simulator import rsa

BEIJING = ZoneInfo("Asia/Shanghai")


class Merchant:
    """A merchant's plain client: signs, posts, verifies the answer's text."""

    def __init__(self, simulator: Any) -> None:
        self.simulator, self.keys = simulator, simulator.secrets
        self.url = f"{simulator.url}/alipay/gateway.do"

    def params(self, method: str, **changes: str) -> dict[str, str]:
        return {
            "app_id": self.keys["alipay_app_id"],
            "method": method,
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": datetime.now(BEIJING).strftime("%Y-%m-%d %H:%M:%S"),
            "version": "1.0",
        } | changes

    def sign(self, params: dict[str, str]) -> dict[str, str]:
        text = "&".join(f"{k}={v}" for k, v in sorted(params.items()) if v)
        return params | {"sign": rsa.sign(self.keys["alipay_app_private_key"], text.encode())}

    def send(self, signed: dict[str, str]) -> dict[str, Any]:
        response = httpx.post(self.url, data=signed, trust_env=False)
        assert response.status_code == 200
        text = response.text
        inner = text[text.index(":") + 1 : text.rindex(',"sign":"')]
        said = json.loads(text)
        assert rsa.is_signed(self.keys["alipay_public_key"], inner.encode(), said["sign"])
        node: dict[str, Any] = json.loads(inner)
        return node

    def call(self, method: str, **biz: Any) -> dict[str, Any]:
        return self.send(self.sign(self.params(method, biz_content=json.dumps(biz))))

    def refund(self, number: str = "RF1", yuan: str = "50.00", **more: Any) -> dict[str, Any]:
        biz = {"trade_no": "A1", "out_request_no": number, "refund_amount": yuan, **more}
        return self.call("alipay.trade.refund", **biz)

    def query(self, number: str = "RF1") -> dict[str, Any]:
        biz = {"trade_no": "A1", "out_request_no": number}
        return self.call("alipay.trade.fastpay.refund.query", **biz)

    def trade(self) -> dict[str, Any]:
        return self.call("alipay.trade.query", trade_no="A1")


class Ear(HTTPServer):
    """Where the shop hears of its payments."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Hearing)
        self.heard: list[dict[str, str]] = []
        self.answers = ["success"]
        self.url = f"http://127.0.0.1:{self.server_port}/notify"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()


class Hearing(BaseHTTPRequestHandler):
    server: Ear

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.heard.append(dict(parse_qsl(body)))
        word = self.server.answers[0]
        if len(self.server.answers) > 1:
            self.server.answers.pop(0)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(word.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def ear():
    server = Ear()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def merchant(simulator, ear) -> Merchant:
    simulator.trade(
        "A1", 5000, channel="alipay", merchant_trade_no="M1", notify_url=ear.url,
        paid_at=datetime.now(BEIJING).isoformat(),
    )  # fmt: skip
    return Merchant(simulator)


def test_a_refund_of_everything_closes_the_trade(merchant, simulator):
    said = merchant.refund(query_options=["refund_detail_item_list"])
    assert (said["code"], said["fund_change"], said["refund_fee"]) == ("10000", "Y", "50.00")
    assert said["send_back_fee"] == "50.00"
    assert merchant.query()["refund_status"] == "REFUND_SUCCESS"
    assert merchant.trade()["trade_status"] == "TRADE_CLOSED"
    assert simulator.effects("RF1") == [("alipay.refund", 5000)]
    assert merchant.refund("RF2", "0.01")["sub_code"] == "ACQ.TRADE_HAS_CLOSE"


def test_the_same_number_again_changes_nothing_and_says_so(merchant, simulator):
    merchant.refund(yuan="20.00")
    again = merchant.refund(yuan="20.00")
    assert (again["code"], again["fund_change"], again["refund_fee"]) == ("10000", "N", "20.00")
    assert "send_back_fee" not in again
    other = merchant.refund(yuan="10.00")
    assert (other["code"], other["sub_code"]) == ("40004", "ACQ.DISCORDANT_REPEAT_REQUEST")
    assert simulator.effects() == [("alipay.refund", 2000)]


def test_refunds_of_one_trade_need_three_seconds_and_add_up(merchant, simulator):
    assert merchant.refund("RF1", "20")["refund_fee"] == "20.00"
    assert merchant.refund("RF2", "10.5")["sub_code"] == "ACQ.SYSTEM_ERROR"
    said = simulator.wait_for(
        lambda: next((s for s in [merchant.refund("RF2", "10.5")] if s["code"] == "10000"), None)
    )
    assert (said["fund_change"], said["refund_fee"]) == ("Y", "30.50")
    assert merchant.query("RF2")["refund_amount"] == "10.50"
    assert merchant.trade()["trade_status"] == "TRADE_SUCCESS"
    assert simulator.effects() == [("alipay.refund", 2000), ("alipay.refund", 1050)]


@pytest.mark.parametrize(
    ("biz", "code"),
    [
        ({"trade_no": "A9"}, "ACQ.TRADE_NOT_EXIST"),
        ({"trade_no": ""}, "ACQ.INVALID_PARAMETER"),
        ({"refund_amount": "50.01"}, "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"),
        ({"refund_amount": "0"}, "ACQ.INVALID_PARAMETER"),
        ({"refund_amount": "-1"}, "ACQ.INVALID_PARAMETER"),
        ({"refund_amount": "1.234"}, "ACQ.INVALID_PARAMETER"),
        ({"refund_amount": True}, "ACQ.INVALID_PARAMETER"),
        ({"out_request_no": "R" * 65}, "ACQ.INVALID_PARAMETER"),
        ({"out_request_no": 7}, "ACQ.INVALID_PARAMETER"),
    ],
)
def test_what_makes_no_sense_is_refused(merchant, simulator, biz, code):
    said = merchant.call(
        "alipay.trade.refund",
        **({"trade_no": "A1", "out_request_no": "RF1", "refund_amount": "50.00"} | biz),
    )
    assert (said["code"], said["sub_code"]) == ("40004", code)
    assert simulator.effects() == []


def test_without_a_number_the_merchants_number_of_the_trade_is_taken(merchant, simulator):
    merchant.call("alipay.trade.refund", out_trade_no="M1", refund_amount="50.00")
    assert simulator.effects("M1") == [("alipay.refund", 5000)]
    assert merchant.query("M1")["refund_status"] == "REFUND_SUCCESS"


def test_a_trade_of_more_than_a_year_ago_is_finished(merchant, simulator):
    paid_at = datetime.now(BEIJING) - timedelta(days=365, minutes=1)
    simulator.trade("A-OLD", 5000, channel="alipay", paid_at=paid_at.isoformat())
    said = merchant.refund(trade_no="A-OLD")
    assert said["sub_code"] == "ACQ.TRADE_HAS_FINISHED"
    said = merchant.call("alipay.trade.query", trade_no="A-OLD")
    assert said["trade_status"] == "TRADE_FINISHED"


def test_an_account_that_is_too_low_refuses_until_it_is_filled(merchant, simulator):
    simulator.control.post("alipay/balance", {"balance_fen": 4999})
    assert merchant.refund()["sub_code"] == "ACQ.SELLER_BALANCE_NOT_ENOUGH"
    simulator.control.post("alipay/balance", {"balance_fen": 5000})
    assert merchant.refund()["fund_change"] == "Y"


def test_a_refund_nobody_made_is_an_answer_without_a_word(merchant):
    assert merchant.query("RF9") == {"code": "10000", "msg": "Success"}


def test_a_late_refund_is_silent_before_it_is_done(merchant, simulator, ear):
    simulator.fault("alipay.refund", "late_notify", seconds=0.6)
    assert merchant.refund()["fund_change"] == "N"
    assert merchant.query() == {"code": "10000", "msg": "Success"}
    assert ear.heard == []
    simulator.wait_for(lambda: merchant.query().get("refund_status") == "REFUND_SUCCESS")
    simulator.wait_for(lambda: ear.heard)
    assert simulator.effects() == [("alipay.refund", 5000)]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"app_id": "2099"}, "isv.invalid-app-id"),
        ({"sign_type": "RSA"}, "isv.invalid-signature-type"),
        ({"timestamp": "2026-11-24 00:00:00"}, "isv.invalid-timestamp"),
        ({"timestamp": "soon"}, "isv.invalid-timestamp"),
        ({"biz_content": "{"}, "isv.invalid-parameter"),
        ({"biz_content": '["\\ud800"]'}, "isv.invalid-parameter"),
        ({"method": "alipay.trade.rob"}, "isv.invalid-method"),
    ],
)
def test_what_the_gateway_turns_away_at_the_door(merchant, simulator, changes, code):
    params = merchant.params("alipay.trade.refund", biz_content="{}") | changes
    assert merchant.send(merchant.sign(params))["sub_code"] == code
    assert simulator.effects() == []


def test_a_forged_or_changed_request_uses_up_no_fault_and_moves_nothing(merchant, simulator):
    simulator.fault("alipay.refund", "reject:ACQ.SYSTEM_ERROR")
    biz = json.dumps({"trade_no": "A1", "out_request_no": "RF1", "refund_amount": "1.00"})
    signed = merchant.sign(merchant.params("alipay.trade.refund", biz_content=biz))
    for changes in ({"sign": "AAAA"}, {"sign": "?"}, {"biz_content": biz.replace("1.00", "50.00")}):
        assert merchant.send(signed | changes)["sub_code"] == "isv.invalid-signature"
    assert len(simulator.control.get("faults")["faults"]) == 1
    assert simulator.effects() == []


@pytest.mark.parametrize(
    ("code", "public", "sub_code"),
    [
        ("ACQ.SYSTEM_ERROR", "40004", "ACQ.SYSTEM_ERROR"),
        ("20000", "20000", "isp.unknow-error"),
        ("aop.unknow-error", "20000", "aop.unknow-error"),
        ("40005", "40005", "isv.app-call-limited"),
        ("isv.missing-method", "40002", "isv.missing-method"),
    ],
)
def test_a_refusal_that_a_test_asks_for_has_alipays_two_levels(
    merchant, simulator, code, public, sub_code
):
    simulator.fault("alipay.refund", f"reject:{code}")
    said = merchant.refund()
    assert (said["code"], said["sub_code"]) == (public, sub_code)
    assert simulator.effects() == []


def test_by_get_as_some_clients_do(merchant):
    params = merchant.params("alipay.trade.query", biz_content='{"trade_no": "A1"}')
    response = httpx.get(f"{merchant.url}?{urlencode(merchant.sign(params))}", trust_env=False)
    assert response.json()["alipay_trade_query_response"]["total_amount"] == "50.00"


def verified(merchant: Merchant, news: dict[str, str]) -> dict[str, str]:
    kept = {k: v for k, v in news.items() if k not in ("sign", "sign_type")}
    text = "&".join(f"{k}={v}" for k, v in sorted(kept.items()))
    assert rsa.is_signed(merchant.keys["alipay_public_key"], text.encode(), news["sign"])
    return news


def test_news_of_a_part_says_success_again_and_of_the_rest_closed(merchant, simulator, ear):
    merchant.refund("RF1", "20.00")
    simulator.wait_for(lambda: len(ear.heard) == 1)
    part = verified(merchant, ear.heard[0])
    assert (part["trade_status"], part["refund_fee"]) == ("TRADE_SUCCESS", "20.00")
    assert (part["out_biz_no"], part["trade_no"], part["out_trade_no"]) == ("RF1", "A1", "M1")
    assert part["gmt_refund"]
    assert "gmt_close" not in part
    simulator.wait_for(lambda: merchant.refund("RF2", "30.00")["code"] == "10000")
    simulator.wait_for(lambda: len(ear.heard) == 2)
    rest = verified(merchant, ear.heard[1])
    assert (rest["trade_status"], rest["refund_fee"]) == ("TRADE_CLOSED", "50.00")
    assert rest["gmt_close"]
    assert rest["app_id"] == merchant.keys["alipay_app_id"]


def test_news_is_told_again_under_one_id_until_it_is_taken(merchant, simulator, ear):
    ear.answers = ["fail", "success"]
    merchant.refund()
    simulator.wait_for(lambda: len(ear.heard) == 2)
    assert len({news["notify_id"] for news in ear.heard}) == 1
    simulator.wait_for(lambda: ("alipay.notify", "delivered") in simulator.calls("RF1"))


def test_news_twice_and_out_of_order(merchant, simulator, ear):
    simulator.fault("alipay.refund", "duplicate_notify")
    merchant.refund("RF1", "20.00")
    simulator.wait_for(lambda: len(ear.heard) == 2)
    assert ear.heard[0]["notify_id"] == ear.heard[1]["notify_id"]
    simulator.fault("alipay.refund", "out_of_order_notify")
    simulator.wait_for(lambda: merchant.refund("RF2", "10.00")["code"] == "10000")
    simulator.wait_for(lambda: len(ear.heard) == 4)
    assert [news["refund_fee"] for news in ear.heard[2:]] == ["30.00", "20.00"]


def download(merchant: Merchant, day: str) -> dict[str, list[list[str]]]:
    said = merchant.call(
        "alipay.data.dataservice.bill.downloadurl.query", bill_type="trade", bill_date=day
    )
    content = httpx.get(said["bill_download_url"], trust_env=False).content
    with zipfile.ZipFile(io.BytesIO(content), metadata_encoding="gbk") as archive:
        return {
            name: list(csv.reader(io.TextIOWrapper(archive.open(name), "gbk")))
            for name in archive.namelist()
        }


def test_the_bill_of_a_day_is_a_zip_of_gbk_files(merchant, simulator):
    merchant.refund("RF1", "20.00")
    today = datetime.now(BEIJING).date().isoformat()
    files = download(merchant, today)
    assert [name.rpartition("_")[2] for name in files] == ["业务明细.csv", "业务明细(汇总).csv"]
    lines = next(iter(files.values()))
    assert lines[0] == ["#支付宝业务明细查询"]
    header = next(line for line in lines if line[0] == "支付宝交易号")
    rows = [dict(zip(header, line, strict=True)) for line in lines if len(line) == len(header)][1:]
    paid, given_back = ({k: v.strip() for k, v in row.items()} for row in rows)
    assert (paid["业务类型"], paid["商家实收（元）"]) == ("交易", "50.00")
    assert (given_back["业务类型"], given_back["商家实收（元）"]) == ("退款", "-20.00")
    assert given_back["退款批次号/请求号"] == "RF1"
    assert (given_back["支付宝交易号"], given_back["商户订单号"]) == ("A1", "M1")
    assert any("退款合计：1笔，商家实收退款共-20.00元" in ",".join(line) for line in lines)


def test_a_day_without_a_bill_and_an_address_that_is_not_ours(merchant, simulator):
    method = "alipay.data.dataservice.bill.downloadurl.query"
    future = (datetime.now(BEIJING) + timedelta(days=1)).date().isoformat()
    said = merchant.call(method, bill_type="trade", bill_date=future)
    assert (said["code"], said["sub_code"]) == ("40004", "isp.bill_not_exist")
    for biz in ({"bill_type": "x", "bill_date": future}, {"bill_type": "trade"}):
        assert merchant.call(method, **biz)["code"] == "40002"
    url = f"{simulator.url}/alipay/bill/20261124-99999999999-{'0' * 32}"
    assert httpx.get(url, trust_env=False).status_code == 404
