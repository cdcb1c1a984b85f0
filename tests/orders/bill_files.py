"""Bills as channels hand them out, packed from the readable files in tests/orders/bills."""

import gzip
import io
import zipfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

HERE = Path(__file__).parent / "bills"
NOV_23 = date(2026, 11, 23)


def source(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


class GbkInfo(zipfile.ZipInfo):
    """A file name in GBK that no flag announces, as Alipay writes it."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.filename.encode("gbk"), self.flag_bits


def zip_of(**files: str | bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = GbkInfo(f"20880000000000010156_20261123_{name}.csv")
            info.compress_type = zipfile.ZIP_DEFLATED
            is_text = isinstance(content, str)
            archive.writestr(info, content.encode("gbk") if is_text else content)
    return packed.getvalue()


def alipay_bill(details: str | None = None) -> bytes:
    """The zip: sums by shop first, so that nobody takes the first file for the right one."""
    details = source("alipay_details.csv") if details is None else details
    files = {"业务明细(汇总)": source("alipay_summary.csv"), "业务明细": details}
    return zip_of(**{name: text.replace("\n", "\r\n") for name, text in files.items()})


def wechatpay_bill(text: str | None = None, *, packed: bool = True) -> bytes:
    text = source("wechatpay_all.csv") if text is None else text
    content = "\ufeff".encode() + text.replace("\n", "\r\n").encode()
    return gzip.compress(content) if packed else content


@dataclass(frozen=True)
class Paid:
    trade_no: str
    fen: int
    #: Within the bill's day.
    time: str = "10:00:00"
    merchant_trade_no: str = ""


@dataclass(frozen=True)
class GivenBack(Paid):
    refund_no: str = ""
    state: str = "SUCCESS"


def yuan(fen: int) -> str:
    return f"{'-' * (fen < 0)}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def alipay_day(day: date, *rows: Paid) -> bytes:
    """A bill of Alipay's with these payments and refunds."""
    *head, columns = source("alipay_details.csv").splitlines()[:5]
    following = day + timedelta(days=1)
    head[2] = (
        f"#起始日期：[{day:%Y年%m月%d日} 00:00:00]   终止日期：[{following:%Y年%m月%d日} 00:00:00]"
    )
    lines, sums = [], {"交易": [0, 0], "退款": [0, 0]}
    for row in rows:
        back = isinstance(row, GivenBack)
        kind, fen = ("退款", -row.fen) if back else ("交易", row.fen)
        at, number = f"{day} {row.time}", row.refund_no if isinstance(row, GivenBack) else ""
        lines.append(
            f"{row.trade_no}\t,{row.merchant_trade_no}\t,{kind}\t,充值,{at},{at},\t,\t,\t,\t,*\t,"
            f"{yuan(fen)},{yuan(fen)},0.00,0.00,0.00,0.00,0.00,,0.00\t,0.00,{number}\t,0.00,0.00,"
        )
        sums[kind][0] += 1
        sums[kind][1] += fen
    tail = [
        "#-----------------------------------------业务明细列表结束-------------------------------",
        "#交易合计：{}笔，商家实收共{}元，商家优惠共0.00元".format(*show(sums["交易"])),
        "#退款合计：{}笔，商家实收退款共{}元，商家优惠退款共0.00元".format(*show(sums["退款"])),
    ]
    return alipay_bill("\n".join([*head, columns, *lines, *tail, ""]))


def show(sums: list[int]) -> tuple[int, str]:
    return sums[0], yuan(sums[1])


def wechatpay_day(day: date, *rows: Paid) -> bytes:
    """A trade bill of WeChat Pay's with these payments and refunds."""
    texts = source("wechatpay_all.csv").splitlines()
    lines, paid, back = [], 0, 0
    for row in rows:
        refund = row if isinstance(row, GivenBack) else None
        cells = [
            *(f"{day} {row.time}", "wx0", "1900000109", "0", "", row.trade_no),
            *(row.merchant_trade_no, "o0", "NATIVE", "REFUND" if refund else "SUCCESS", "OTHERS"),
            *("CNY", yuan(0 if refund else row.fen), "0.00"),
            *(("5030", refund.refund_no, yuan(row.fen)) if refund else ("0", "0", "0.00")),
            *("0.00", "ORIGINAL" if refund else "", refund.state if refund else ""),
            *("充值", "", "0.00000", "0.60%", yuan(0 if refund else row.fen)),
            *(yuan(row.fen if refund else 0), ""),
        ]
        lines.append(",".join(f"`{cell}" for cell in cells))
        paid, back = paid + (0 if refund else row.fen), back + (row.fen if refund else 0)
    sums = (len(rows), yuan(paid), yuan(back), "0.00", "0.00000", yuan(paid), yuan(back))
    total = ",".join(f"`{cell}" for cell in sums)
    return wechatpay_bill("\n".join([texts[0], *lines, texts[-2], total, ""]))
