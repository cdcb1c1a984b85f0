"""Wang Fang's telephone: a real Chromium, 390 px wide, files a dispute and follows it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from django.core.management import call_command
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from orders.models import Order
from tests.stories import make_order, make_person
from tickets import transitions
from tickets.actors import Actor
from tickets.models import Evidence, Ticket

pytestmark = pytest.mark.django_db(transaction=True)

TELEPHONE = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
    "locale": "zh-CN",
    "timezone_id": "Asia/Shanghai",
}


@pytest.fixture
def order(db: None) -> Order:
    from helpdesk import clock

    cache.clear()
    call_command("setup_roles")
    return make_order(
        order_no="LT1", target_account="13800001234", created_at=clock.now(), status="recharging"
    )


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """One of the size a telephone's camera makes, two screenshots."""
    camera, screenshot = tmp_path / "付款截图.jpg", tmp_path / "余额.png"
    another = tmp_path / "运营商查询.png"
    noise = Image.effect_noise((3000, 4000), 90).convert("RGB")
    noise.save(camera, quality=88)
    Image.new("RGB", (1080, 2400), "white").save(screenshot)
    Image.new("RGB", (1080, 2400), "gray").save(another)
    return [camera, screenshot, another]


@pytest.fixture
def telephone(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(**TELEPHONE)
    yield context
    context.close()


@pytest.fixture
def old_telephone(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(java_script_enabled=False, **TELEPHONE)
    yield context
    context.close()


def watch(page: Page) -> list[str]:
    """What the browser complains about: blocked scripts, styles, missing files, errors."""
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if re.match(r"(https?://(localhost|127\.0\.0\.1)|blob:|data:)", request.url)
            else complaints.append(request.url)
        ),
    )
    return complaints


def look_up(page: Page, site: str) -> None:
    page.goto(site)
    page.get_by_label("订单号").fill("LT1")
    page.get_by_label("充值账号、手机号或邮箱的后四位").fill("1234")
    page.get_by_role("button", name="查询", exact=True).click()


def never_wider_than_the_screen(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_she_files_with_photos_and_follows(telephone, live_server, order, photos):
    page = telephone.new_page()
    complaints = watch(page)
    look_up(page, live_server.url)
    expect(page.get_by_text("138****1234").first).to_be_visible()
    never_wider_than_the_screen(page)

    page.get_by_role("link", name="没有到账，申请售后").click()
    page.get_by_text("金额不符").click()
    page.get_by_role("button", name="仍未解决，下一步").click()

    expect(page.get_by_text("0/9")).to_be_visible()
    page.locator("input[type=file]").set_input_files(photos)
    expect(page.get_by_text("3/9")).to_be_visible()
    expect(page.get_by_text("凭证已齐全。")).to_be_visible()
    never_wider_than_the_screen(page)
    camera, screenshot, _another = Evidence.objects.order_by("received_at")
    assert camera.size < photos[0].stat().st_size, "the photo shrank before it travelled"
    assert min(camera.width, camera.height) == 1600
    assert screenshot.size == photos[1].stat().st_size, "the screenshot stayed as it was"

    page.get_by_role("button", name="删除 余额.png").click()
    expect(page.get_by_text("2/9")).to_be_visible()
    page.locator("input[type=file]").set_input_files(photos[1])
    expect(page.get_by_text("3/9")).to_be_visible()
    page.get_by_label("情况说明").fill("15:20 付款，只到了一半")
    page.get_by_role("button", name="下一步").last.click()

    expect(page.get_by_label("情况说明")).to_have_value("15:20 付款，只到了一半")
    page.get_by_label("邮箱").fill("wang.fang@example.com")
    page.get_by_role("button", name="提交申诉").dblclick()

    ticket = follow(page)
    assert ticket.evidence.count() == 3
    assert ticket.commitment_due_at is not None
    expect(page.locator(".countdown")).to_contain_text("23")
    never_wider_than_the_screen(page)
    page.get_by_role("button", name="催单").click()
    expect(page.get_by_text("已为您催办。")).to_be_visible()
    expect(page.get_by_role("button", name="催单")).to_be_disabled()
    assert complaints == []


def follow(page: Page) -> Ticket:
    page.wait_for_url("**/t/*/")
    ticket = Ticket.objects.get()
    expect(page.get_by_role("heading", name=re.compile(ticket.number))).to_be_visible()
    return ticket


def test_staff_ask_and_she_answers_with_a_file(telephone, live_server, order, photos):
    ticket = file_without_proof(telephone.new_page(), live_server.url)
    from helpdesk import clock

    transitions.request_evidence(
        ticket_id=ticket.pk,
        kinds=["payment_screenshot"],
        text="请补一张付款截图",
        actor=Actor.of(make_person("lin", "agent")),
        now=clock.now(),
    )
    page = telephone.new_page()
    page.goto(f"{live_server.url}/t/{ticket.tracking_token}/")
    expect(page.get_by_text("请补一张付款截图").first).to_be_visible()
    page.locator("input[type=file]").set_input_files(photos[1])
    expect(page.get_by_text("处理中").first).to_be_visible()
    expect(page.get_by_text("收到凭证：付款截图")).to_be_visible()
    ticket.refresh_from_db()
    assert ticket.status == "in_progress"
    assert ticket.commitment_due_at is not None


def file_without_proof(page: Page, site: str) -> Ticket:
    look_up(page, site)
    page.get_by_role("link", name="没有到账，申请售后").click()
    page.get_by_text("付了钱没收到").click()
    page.get_by_role("button", name="仍未解决，下一步").click()
    page.get_by_role("button", name="下一步").last.click()
    page.get_by_role("button", name="提交申诉").click()
    return follow(page)


def test_a_bad_file_is_told_at_once_and_the_good_one_stays(
    telephone, live_server, order, photos, tmp_path
):
    virus = tmp_path / "付款.jpg"
    virus.write_bytes(b"MZ" * 500)
    page = telephone.new_page()
    look_up(page, live_server.url)
    page.get_by_role("link", name="没有到账，申请售后").click()
    page.get_by_text("付了钱没收到").click()
    page.get_by_role("button", name="仍未解决，下一步").click()
    page.locator("input[type=file]").set_input_files([photos[1], virus])
    expect(page.get_by_role("alert")).to_contain_text("付款.jpg：无论文件名是什么")
    expect(page.get_by_text("1/9")).to_be_visible()


def test_without_scripts_it_works_as_well(old_telephone, live_server, order, photos):
    page = old_telephone.new_page()
    look_up(page, live_server.url)
    page.get_by_role("link", name="没有到账，申请售后").click()
    page.get_by_text("付了钱没收到").click()
    page.get_by_role("button", name="仍未解决，下一步").click()
    page.locator("input[type=file]").set_input_files(photos)
    page.get_by_role("button", name="上传所选文件").click()
    expect(page.get_by_text("3/9")).to_be_visible()
    page.get_by_role("button", name="删除 余额.png").click()
    expect(page.get_by_text("2/9")).to_be_visible()
    page.get_by_role("button", name="下一步").last.click()
    page.get_by_role("button", name="提交申诉").click()
    ticket = follow(page)
    assert ticket.evidence.count() == 2

    page.get_by_text("撤销申诉").first.click()
    page.get_by_label("原因").last.fill("已经到账了")
    page.get_by_label("充值账号、手机号或邮箱的后四位").fill("1234")
    page.get_by_role("button", name="确认撤销申诉").click()
    expect(page.get_by_text("申诉已撤销。")).to_be_visible()
    ticket.refresh_from_db()
    assert ticket.status == "withdrawn"
