"""`manage.py reconcile` with bills as files: what it prints, and what its exit code says."""

import re
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from orders.models import Payment, ReconciliationDifference, ReconciliationRun
from orders.reconciling.packed import PACKED_LIMIT
from tests.orders.bill_files import NOV_23, Paid, alipay_bill, alipay_day, source, wechatpay_day
from tests.stories import at, make_order

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _the_next_morning(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("helpdesk.clock.now", lambda: at("2026-11-24 10:00"))
    with translation.override("en"):
        yield


def run(*arguments: object) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("reconcile", *map(str, arguments), stdout=out)
    except CommandError as ended:
        return ended.returncode, f"{out.getvalue()}{ended}"
    return 0, out.getvalue()


def keep(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def paid(time: str = "2026-11-23 09:00", fen: int = 9800, channel: str = "alipay") -> Payment:
    return make_order(created_at=at(time), paid=[fen], channel=channel).payments.get()


def line(payment: Payment) -> Paid:
    return Paid(payment.channel_trade_no, payment.amount_fen)


def counts(text: str) -> list[list[str]]:
    rows = [[cell.strip() for cell in row.split("│")[1:-1]] for row in text.splitlines()]
    return [row for row in rows if row]


def test_a_day_without_differences(tmp_path: Path):
    bill = keep(tmp_path / "a.zip", alipay_day(NOV_23, line(paid())))
    code, text = run("--channel", "alipay", "--file", bill)
    assert code == 0
    assert counts(text) == [["alipay", "2026-11-23", "1", "0", "0", "0", "0", "0", "0"]]
    assert "No differences; 1 matched." in text
    assert "Ours until 2026-11-24 00:00:00: payments 1 (98.00), refunds 0 (0.00)." in text
    assert ReconciliationRun.objects.get().source == "a.zip"


def test_each_difference_is_a_line_with_both_sides(tmp_path: Path):
    ours, wrong = paid(), paid("2026-11-23 09:10")
    rows = (Paid(wrong.channel_trade_no, 9801), Paid("T-STRANGE", 4200))
    bill = keep(tmp_path / "a.zip", alipay_day(NOV_23, *rows))
    code, text = run("--channel", "alipay", "--file", bill)
    assert code == 1
    assert counts(text) == [["alipay", "2026-11-23", "0", "1", "1", "1", "0", "0", "0"]]
    shown = [" ".join(row.split()) for row in text.splitlines()]
    for expected in (
        f"ours only payment {ours.channel_trade_no} 98.00 / - paid / -",
        f"amount differs payment {wrong.channel_trade_no} line 6 98.00 / 98.01 paid / 交易",
        "theirs only payment T-STRANGE line 7 - / 42.00 - / 交易",
    ):
        assert f"alipay 2026-11-23 {expected}" in shown
    assert text.endswith("3 differences; 0 matched.")


def test_what_is_read_from_a_pipe_is_not_cut_off(tmp_path: Path):
    long_no = "4200000000202611230000000001"
    bill = keep(tmp_path / "w.gz", wechatpay_day(NOV_23, Paid(long_no, 4200)))
    _code, text = run("--channel", "wechatpay", "--file", bill)
    assert long_no in text
    assert "…" not in text


def test_the_same_bill_again_changes_nothing(tmp_path: Path):
    bill = keep(tmp_path / "a.zip", alipay_day(NOV_23, Paid("T-STRANGE", 4200)))
    first = run("--channel", "alipay", "--file", bill)
    row = ReconciliationDifference.objects.get()
    assert run("--channel", "alipay", "--file", bill) == first
    again = ReconciliationDifference.objects.get()
    assert (again.pk, again.state, again.found_at) == (row.pk, row.state, row.found_at)


def test_neighbouring_bills_are_given_together(tmp_path: Path):
    late = paid("2026-11-23 23:59:58")
    first = keep(tmp_path / "23.zip", alipay_day(NOV_23))
    following = keep(tmp_path / "24.zip", alipay_day(NOV_23 + timedelta(days=1), line(late)))
    code, text = run("--channel", "alipay", "--file", first)
    assert code == 0
    assert "1 entry of the last hours waits for the next day's bill." in text
    code, text = run("--channel", "alipay", "--file", first, "--file", following, "--date", NOV_23)
    assert (code, "waits" in text) == (0, False)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "bill.csv: The file is empty."),
        (b"<html>Sorry</html>", "bill.csv, line 1, column “支付宝交易号”: "),
        (alipay_bill()[:-40], "bill.csv: The zip is damaged or encrypted."),
        (
            source("alipay_details.csv").encode().replace(b"99.50,99.50", b"99.5O,99.50", 1),
            "bill.csv, line 6, column “订单金额”: “99.5O” is no amount in yuan.",
        ),
        (
            source("alipay_details.csv").replace("2026-11-23 10:10:07", "10:10").encode("gbk"),
            "bill.csv, line 7, column “完成时间”: “10:10” is no time",
        ),
        (
            source("alipay_details.csv").encode("gbk").replace(b"RF0001", b"RF\xff\xff\xff"),
            "bill.csv, line 8: The file is no text in UTF-8 or GBK.",
        ),
        (
            alipay_bill(source("alipay_details.csv").replace("合计：2笔", "合计：3笔")),
            "bill.csv: 20880000000000010156_20261123_业务明细.csv, line 10: The rows do not add",
        ),
    ],
    ids=["empty", "page", "cut off", "amount", "time", "encoding", "sum"],
)
def test_a_bill_that_cannot_be_read_names_file_line_and_column(
    content: bytes, says: str, tmp_path: Path
):
    bill = keep(tmp_path / "bill.csv", content)
    code, text = run("--channel", "alipay", "--file", bill)
    assert code == 2
    assert says in text
    assert not ReconciliationRun.objects.exists()


def test_half_a_gigabyte_is_refused_unread(tmp_path: Path):
    bill = tmp_path / "huge.zip"
    with bill.open("wb") as file:
        file.truncate(500 * 1024 * 1024)
    code, text = run("--channel", "alipay", "--file", bill)
    assert (code, f"huge.zip: The file is larger than {PACKED_LIMIT >> 20} MB." in text) == (
        2,
        True,
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--file", "x"], "--file needs --channel."),
        (["--channel", "alipay", "--file", "nowhere.zip"], "nowhere.zip: The file cannot be read"),
        (["--date", "23.11.2026"], "“23.11.2026” is no date such as 2026-11-23"),
        ([], "connected to no channel"),
    ],
)
def test_what_it_cannot_do_it_says(arguments: list[str], says: str):
    code, text = run(*arguments)
    assert (code, says in text) == (2, True), text


def test_a_file_that_is_not_the_days_is_refused(tmp_path: Path):
    bill = keep(tmp_path / "a.zip", alipay_day(NOV_23))
    code, text = run("--channel", "alipay", "--date", "2026-11-22", "--file", bill)
    assert code == 2
    assert re.search(r"a\.zip: .*This is the bill of 2026-11-23, not of 2026-11-22\.", text)


def test_two_files_of_one_day_are_refused(tmp_path: Path):
    bills = [keep(tmp_path / name, alipay_day(NOV_23)) for name in ("a.zip", "b.zip")]
    code, text = run("--channel", "alipay", "--file", bills[0], "--file", bills[1])
    assert (code, "b.zip: Two files are of 2026-11-23." in text) == (2, True)
