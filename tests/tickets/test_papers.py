"""What a customer takes along: read back by PDFium, the engine of Chrome and Android."""

import pypdfium2
import pytest
from django.core.cache import cache
from PIL import Image

from tests.stories import MINUTE, at, make_order
from tests.tickets.web import Browser
from tickets import transitions
from tickets.papers import Paper, Part, draw_code, write_pdf
from tickets.remedies import refund

pytestmark = pytest.mark.django_db


def read(pdf: bytes) -> str:
    """The text of all pages, without the line breaks that paper makes."""
    pages = pypdfium2.PdfDocument(pdf)
    texts = [page.get_textpage().get_text_bounded() for page in pages]
    return "".join("".join(texts).split())


@pytest.fixture
def web(monkeypatch, desk):
    cache.clear()
    web = Browser(monkeypatch)
    web.client.defaults["HTTP_ACCEPT_LANGUAGE"] = "zh-hans"
    return web


@pytest.fixture
def ticket(desk):
    return desk.open(make_order(order_no="LT1", target_account="13800001234"))


def fetch(web, ticket, paper):
    answer = web.client.get(f"/t/{ticket.tracking_token}/{paper}/pdf/")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"].startswith("attachment")
    return answer.content


def test_the_report_tells_what_the_page_tells(web, desk, ticket, lin):
    refund(
        ticket_id=ticket.pk,
        amount_fen=None,
        reason="未到账",
        text="已为您退款，请留意。",
        actor=lin,
        now=at("10:10"),
    )
    desk.settle(ticket, "succeeded")
    web.at(at("10:20"))
    text = read(fetch(web, ticket, "report"))
    web.get(f"/t/{ticket.tracking_token}/report/")
    (number,) = [row.refund_no for row in desk.refunds(ticket)]
    for words in (
        "订单处理进度报告",
        ticket.number,
        "138****1234",
        "¥98.00",
        "已为您退款，请留意。",
        "11月25日10:00",
        "支付渠道已退款",
        number,
        ticket.evidence.get().sha256,
        "12315",
    ):
        assert words in text, words
        assert words.replace("日10", "日 10") in web.text, words


def test_nothing_personal_is_in_the_report(web, ticket):
    text = read(fetch(web, ticket, "report"))
    assert "13800001234" not in text
    assert ticket.order.customer_phone not in text


def test_events_are_told_oldest_first(web, desk, ticket, lin):
    transitions.reply(ticket_id=ticket.pk, text="正在核实", actor=lin, now=at("10:05"))
    text = read(fetch(web.at(at("10:06")), ticket, "report"))
    assert text.index("申诉已提交") < text.index("正在核实")


def test_internal_notes_are_in_no_paper(web, ticket, lin):
    transitions.reply(ticket_id=ticket.pk, text="客户急", actor=lin, now=at("10:05"), internal=True)
    assert "客户急" not in read(fetch(web, ticket, "report"))


def test_signs_that_no_font_has_break_nothing():
    part = Part("部分", facts=[("标签", "话费<b>100</b>元 & 𠮷😀\x0b")], lines=["一行" * 400])
    paper = Paper("标题", "副题", [part], "https://desk.example.com/t/abc/")
    text = read(write_pdf(paper))
    assert "话费<b>100</b>元&???" in text
    assert text.count("一行") == 400


def test_chinese_is_drawn_and_not_boxed():
    paper = Paper("申", "诉", [], "https://desk.example.com/")
    other = Paper("诉", "申", [], "https://desk.example.com/")
    drawn = [pypdfium2.PdfDocument(write_pdf(p))[0].render().to_pil() for p in (paper, other)]
    assert drawn[0].tobytes() != drawn[1].tobytes()


def test_the_file_for_12315_asks_who_reads_it(web, desk):
    ticket = desk.open(make_order(order_no="LT2", target_account="13800001234"), proof=[])
    desk.advance(at("11-26 10:01"))
    web.at(at("11-26 10:05"))
    answer = web.client.get(f"/t/{ticket.tracking_token}/dossier/pdf/")
    assert answer.status_code == 302
    web.post(f"/t/{ticket.tracking_token}/verify/", {"last4": "1234"})
    text = read(fetch(web, ticket, "dossier"))
    for words in ("12315投诉材料", "LT2", "13800001234", ticket.referrals.get().dossier_sha256):
        assert words in text, words


def test_before_the_notice_there_is_no_file(web, ticket):
    assert web.client.get(f"/t/{ticket.tracking_token}/dossier/pdf/").status_code == 404


def test_the_code_has_the_modules_of_its_text():
    """As a picture it is square, framed in white, with the three corner marks of every QR code."""
    code = draw_code("https://desk.example.com/t/abcdefghijklmnopqrstuvwxyz012345/")
    picture = Image.new("1", (code.side, code.side), 1)
    for run in code.path.split("z")[:-1]:
        x, y, length = (int(n) for n in run[1:].replace("h", " ").replace("v", " ").split()[:3])
        for i in range(length):
            picture.putpixel((x + i, y), 0)
    assert {picture.getpixel((i, 3)) for i in range(code.side)} == {1}
    for x, y in ((4, 4), (code.side - 11, 4), (4, code.side - 11)):
        assert [picture.getpixel((x + i, y)) for i in range(7)] == [0] * 7
        assert [picture.getpixel((x + i, y + 1)) for i in range(7)] == [0, *[1] * 5, 0]


def test_in_wechat_it_says_how_to_come_to_the_file(web, ticket):
    wechat = {"HTTP_USER_AGENT": "Mozilla/5.0 (iPhone) MicroMessenger/8.0.50"}
    web.get(f"/t/{ticket.tracking_token}/report/", **wechat)
    assert web.says("在浏览器打开")
    web.get(f"/t/{ticket.tracking_token}/report/")
    assert not web.says("在浏览器打开")
    assert web.at(at("10:00") + MINUTE)
