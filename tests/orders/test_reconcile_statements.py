"""Reading bills: their formats as they are, amounts to the fen, nothing half-read."""

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest
from django.utils import translation

from orders.reconciling import packed
from orders.reconciling.statement import BEIJING, LineKind, UnableToReadStatement, read_fen
from orders.reconciling.statements import READERS, alipay, sandbox, wechatpay
from tests.orders.bill_files import NOV_23, alipay_bill, source, wechatpay_bill, zip_of

Bill = dict[str, Any]


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


def shown(statement) -> list[tuple[str, str, int]]:
    return [(line.kind, line.name, line.amount_fen) for line in statement.lines]


def test_alipays_zip_of_gbk_files():
    statement = alipay.read_statement(alipay_bill(), day=NOV_23)
    assert (statement.day, statement.account) == (NOV_23, "20880000000000010156")
    assert shown(statement) == [
        ("payment", "2026112322001400000000000001", 9950),
        ("payment", "2026112322001400000000000002", 3000),
        ("refund", "RF0001", 9950),
    ]
    refund = statement.lines[2]
    assert refund.at == datetime(2026, 11, 23, 16, 40, 11, tzinfo=BEIJING)
    assert refund.trade_no == "2026112322001400000000000001"
    assert (refund.merchant_trade_no, refund.number) == ("LT202611230930001", 8)


def test_alipays_details_alone_in_gbk_or_utf_8():
    text = source("alipay_details.csv")
    for content in (text.encode("gbk"), text.encode(), b"\xef\xbb\xbf" + text.encode()):
        assert len(alipay.read_statement(content).lines) == 3


def test_older_alipay_bills_name_the_amounts_otherwise():
    text = source("alipay_details.csv").replace("（元）", "(元)")
    text = text.replace("商家实收共127.50元，商家优惠", "交易金额共129.50元，优惠金额")
    text = text.replace("商家实收退款共-99.50元，商家优惠", "交易退款金额共-99.50元，优惠")
    assert len(alipay.read_statement(alipay_bill(text)).lines) == 3


def test_a_day_on_which_alipay_had_nothing_to_do():
    text = "".join(
        line for line in source("alipay_details.csv").splitlines(True) if line[:4] != "2026"
    )
    text = text.replace("2笔，商家实收共127.50", "0笔，商家实收共0.00")
    text = text.replace("1笔，商家实收退款共-99.50", "0笔，商家实收退款共0.00")
    statement = alipay.read_statement(alipay_bill(text))
    assert (statement.day, statement.lines) == (NOV_23, [])


def test_a_kind_of_row_that_nobody_foresaw_is_kept_as_unknown():
    text = source("alipay_details.csv")
    row = next(line for line in text.splitlines(True) if "退款\t" in line)
    strange = row.replace("退款\t", "赔付\t").replace("RF0001", "XX")
    statement = alipay.read_statement(alipay_bill(text.replace(row, row + strange)))
    assert [line.kind for line in statement.lines][-1] == LineKind.UNKNOWN
    assert statement.lines[-1].state == "赔付"


@pytest.mark.parametrize(
    ("cut", "says"),
    [
        ("#-----------------------------------------业务明细列表结束", "The end of the bill"),
        ("#退款合计", "The end of the bill"),
        ("2026112322001400000000000002", "The end of the bill"),
        ("支付宝交易号", "This is no bill of Alipay's"),
    ],
)
def test_a_cut_off_alipay_bill_is_no_short_day(cut: str, says: str):
    text = source("alipay_details.csv")
    with pytest.raises(UnableToReadStatement, match=says):
        alipay.read_statement(text[: text.index(cut)].encode("gbk"))


def test_an_alipay_bill_with_a_row_lost_does_not_add_up():
    rows = source("alipay_details.csv").splitlines(True)
    without = "".join(row for row in rows if "000002\t" not in row)
    with pytest.raises(UnableToReadStatement, match="line 9"):
        alipay.read_statement(alipay_bill(without))


def test_an_alipay_bill_whose_amount_was_changed_does_not_add_up():
    text = source("alipay_details.csv").replace("99.50,99.50,0.00", "99.51,99.51,0.00", 1)
    with pytest.raises(UnableToReadStatement, match="not complete"):
        alipay.read_statement(alipay_bill(text))


def test_another_days_bill_is_refused():
    with pytest.raises(UnableToReadStatement, match="2026-11-23, not of 2026-11-22"):
        alipay.read_statement(alipay_bill(), day=date(2026, 11, 22))
    with pytest.raises(UnableToReadStatement, match="2026-11-23, not of 2026-11-22"):
        wechatpay.read_statement(wechatpay_bill(), day=date(2026, 11, 22))


@pytest.mark.parametrize("is_packed", [True, False])
def test_wechat_pays_bill_plain_and_in_gzip(is_packed: bool):
    statement = wechatpay.read_statement(wechatpay_bill(packed=is_packed))
    assert (statement.day, statement.account) == (NOV_23, "1900000109")
    assert shown(statement) == [
        ("payment", "4200000000202611230000000001", 5000),
        ("refund", "RF0002", 2000),
        ("refund", "RF0003", 3000),
    ]
    assert [line.is_final for line in statement.lines] == [True, True, False]
    assert statement.lines[1].state == "REFUND SUCCESS"
    assert statement.lines[2].number == 5


def test_older_wechat_pay_bills_have_fewer_columns():
    text = (
        "交易时间,公众账号ID,商户号,子商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,"
        "交易状态,付款银行,货币种类,总金额,企业红包金额,微信退款单号,商户退款单号,退款金额,"
        "企业红包退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率\n"
        "`2026-11-23 16:33:45,`wx0,`10000100,`0,`1000,`4200000000000000000000000009,`LT9,`o0,"
        "`MICROPAY,`SUCCESS,`OTHERS,`CNY,`0.1,`0.0,`0,`0,`0,`0,`,`,`充值,`,`0,`0.60%\n"
        "总交易单数,总交易额,总退款金额,总企业红包退款金额,手续费总金额\n`1,`0.1,`0.0,`0.0,`0\n"
    )
    statement = wechatpay.read_statement(text.encode())
    assert shown(statement) == [("payment", "4200000000000000000000000009", 10)]


def test_a_reversed_wechat_payment_is_an_unknown_row():
    text = source("wechatpay_all.csv").replace("`NATIVE,`SUCCESS", "`MICROPAY,`REVOKED")
    kinds = [line.kind for line in wechatpay.read_statement(text.encode()).lines]
    assert kinds == ["unknown", "refund", "refund"]


@pytest.mark.parametrize("cut", ["总交易单数", "`3,`50.00"])
def test_a_wechat_bill_without_its_sums_is_no_short_day(cut: str):
    text = source("wechatpay_all.csv")
    with pytest.raises(UnableToReadStatement, match="The end of the bill is missing"):
        wechatpay.read_statement(text[: text.index(cut)].encode())


@pytest.mark.parametrize("wrong", ["`4,`50.00,`50.00", "`3,`50.00,`50.01", "`2,`50.00,`50.00"])
def test_a_wechat_bill_that_does_not_add_up_is_refused(wrong: str):
    text = source("wechatpay_all.csv").replace("`3,`50.00,`50.00", wrong)
    with pytest.raises(UnableToReadStatement, match=r"line 7: .*do not add up"):
        wechatpay.read_statement(text.encode())


def test_a_wechat_bill_with_a_cell_too_few_names_its_line():
    text = source("wechatpay_all.csv").replace("`50.00,`0.00,`0,`0,", "`50.00,`0.00,`0,", 1)
    with pytest.raises(UnableToReadStatement, match="line 2: 26 cells instead of 27"):
        wechatpay.read_statement(text.encode())


def test_a_wechat_bill_of_several_days_is_refused():
    text = source("wechatpay_all.csv").replace("2026-11-23 22:40:00", "2026-11-22 22:40:00")
    with pytest.raises(UnableToReadStatement, match="several days"):
        wechatpay.read_statement(text.encode())


def test_one_channels_bill_is_not_anothers():
    with pytest.raises(UnableToReadStatement):
        wechatpay.read_statement(source("alipay_details.csv").encode())
    with pytest.raises(UnableToReadStatement):
        alipay.read_statement(wechatpay_bill(packed=False))
    with pytest.raises(UnableToReadStatement, match="no file of Alipay's"):
        alipay.read_statement(zip_of(业务明细="a,b\n"))


@pytest.mark.parametrize("channel", sorted(READERS))
@pytest.mark.parametrize(
    "content",
    [b"", b"\0", b"\xff\xfe", b"PK\x03\x04 not a zip", b"\x1f\x8b not gzip", b"[" * 5000,
     b"null", b"{}", "乱码".encode("gbk") * 3, b"\n\n\n", b"`,`,`"],
)  # fmt: skip
def test_rubbish_is_refused_in_words(channel: str, content: bytes):
    with pytest.raises(UnableToReadStatement):
        READERS[channel].read_statement(content)


@pytest.mark.parametrize("at", range(0, 1400, 97))
def test_a_download_that_broke_off_anywhere_is_refused(at: int):
    for reader, content in ((alipay, alipay_bill()), (wechatpay, wechatpay_bill())):
        with pytest.raises(UnableToReadStatement):
            reader.read_statement(content[: min(at, len(content) - 1)])


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "UNPACKED_LIMIT", 100_000)


@pytest.mark.usefixtures("small_limits")
def test_a_zip_that_blows_up_is_stopped():
    bomb = zip_of(业务明细=b"0" * 10_000_000)
    assert len(bomb) < 20_000
    with pytest.raises(UnableToReadStatement, match="unpacks to more than"):
        alipay.read_statement(bomb)


@pytest.mark.usefixtures("small_limits")
def test_a_zip_that_lies_about_its_size_is_stopped():
    bomb = bytearray(zip_of(业务明细=b"0" * 10_000_000))
    at = bomb.rindex(b"PK\x01\x02")
    bomb[at + 24 : at + 28] = (100).to_bytes(4, "little")
    with pytest.raises(UnableToReadStatement):
        alipay.read_statement(bytes(bomb))


def test_a_zip_of_very_many_files_is_stopped():
    with pytest.raises(UnableToReadStatement, match="more than 20 files"):
        alipay.read_statement(zip_of(**{f"f{n}": "x" for n in range(21)}))


def test_an_encrypted_zip_is_refused():
    content = bytearray(alipay_bill())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := content.find(mark, at + 1)) >= 0:
            content[at + offset] |= 1
    with pytest.raises(UnableToReadStatement, match="damaged or encrypted"):
        alipay.read_statement(bytes(content))


@pytest.mark.usefixtures("small_limits")
def test_a_gzip_file_that_blows_up_is_stopped():
    with pytest.raises(UnableToReadStatement, match="unpacks to more than"):
        wechatpay.read_statement(gzip.compress(b"0" * 10_000_000))


def test_a_zip_inside_the_zip_is_not_opened():
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("x.csv", "支付宝交易号")
    with pytest.raises(UnableToReadStatement):
        alipay.read_statement(zip_of(业务明细=inner.getvalue()))


@pytest.mark.parametrize(
    ("text", "fen"),
    [("0.01", 1), ("99.50", 9950), ("-99.50", -9950), ("100", 10000), ("0.1", 10), ("+3.20", 320),
     ("1.1000", 110), ("999999999999.99", 99999999999999), (" 4.35 ", 435)],
)  # fmt: skip
def test_yuan_become_exact_fen(text: str, fen: int):
    assert read_fen(text, line=1) == fen


@pytest.mark.parametrize(
    "text", ["", "1.234", "1,000.00", "1e3", "NaN", "¥1.00", "١.٠٠", ".5", "5."]
)
def test_what_is_no_amount_names_its_line(text: str):
    with pytest.raises(UnableToReadStatement, match="line 7"):
        read_fen(text, line=7)


def sandbox_bill(**changes: Any) -> bytes:
    line: Bill = {
        "kind": "refund",
        "trade_no": "T1",
        "merchant_trade_no": "",
        "refund_no": "RF1",
        "amount_fen": 500,
        "at": "2026-11-23T10:00:00+08:00",
    }
    nothing = {"count": 0, "fen": 0}
    sums = {"payments": nothing, "refunds": {"count": 1, "fen": 500}}
    return json.dumps({"date": "2026-11-23", "lines": [line], **sums, **changes}).encode()


def test_the_sandboxs_bill():
    assert shown(sandbox.read_statement(sandbox_bill(), day=NOV_23)) == [("refund", "RF1", 500)]


@pytest.mark.parametrize(
    "changes",
    [{"lines": []}, {"refunds": {"count": 1, "fen": 501}}, {"date": "23.11.2026"},
     {"lines": None}, {"lines": [{}]}, {"payments": None}],
)  # fmt: skip
def test_a_broken_sandbox_bill_is_refused(changes: Bill):
    with pytest.raises(UnableToReadStatement):
        sandbox.read_statement(sandbox_bill(**changes))
