"""A conversation: what an agent writes stands on the customer's open page within three seconds."""

import time

import pytest
from django.core.cache import cache
from playwright.sync_api import Browser, expect

from helpdesk import clock
from tests.browser.looking import EYES, Sight
from tests.browser.stages import Stage
from tickets import transitions

pytestmark = pytest.mark.django_db(transaction=True)
ANSWER = "查到了，上游十点前补发。"
PROMISED_S = 3.0


@pytest.fixture
def stage(desk):
    cache.clear()
    return Stage(desk, clock.now())


@pytest.fixture
def telephone(browser: Browser):
    context = EYES[0].open(browser)
    yield context
    context.close()


def answer(stage: Stage, text: str = ANSWER) -> None:
    assert stage.ticket is not None
    transitions.reply(ticket_id=stage.ticket.pk, text=text, actor=stage.lin, now=clock.now())


def test_the_answer_comes_by_itself(stage, telephone, live_server):
    page = telephone.new_page()
    sight = Sight(page)
    sight.watch()
    ticket = stage.open()
    transitions.reply(ticket_id=ticket.pk, text="您好", actor=stage.lin, now=clock.now())
    page.goto(f"{live_server.url}{stage.page(ticket)}")
    page.get_by_label("留言内容").fill("还要多久？我还没写完")
    page.evaluate("window.isTheSamePage = true")

    started = time.monotonic()
    answer(stage)
    page.get_by_text(ANSWER).wait_for(timeout=20_000)
    took = time.monotonic() - started
    print(f"an answer took {took:.2f} s to the open page")

    assert took <= PROMISED_S
    assert page.evaluate("window.isTheSamePage"), "it was not loaded anew"
    expect(page.get_by_label("留言内容")).to_have_value("还要多久？我还没写完")
    expect(page.locator("#heard")).to_have_text("本页有新进展。")
    assert page.locator(".countdown").count() == 1
    assert sight.faults == []


def test_what_can_be_done_now_is_there_as_well(stage, telephone, live_server):
    page = telephone.new_page()
    ticket = stage.open()
    page.goto(f"{live_server.url}{stage.page(ticket)}")
    transitions.request_evidence(
        ticket_id=ticket.pk,
        kinds=["account_screenshot"],
        text="请补一张余额截图",
        actor=stage.lin,
        now=clock.now(),
    )
    expect(page.get_by_role("link", name="补充凭证")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("等您补充凭证").first).to_be_visible()


def test_a_page_that_nobody_sees_asks_nothing(stage, telephone, live_server):
    page = telephone.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/news/" in request.url else 0)
    page.goto(f"{live_server.url}{stage.page(stage.open())}")
    page.wait_for_event("request", lambda request: "/news/" in request.url, timeout=20_000)
    hide = """(hidden) => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, True)
    page.wait_for_load_state("networkidle")
    before = len(asked)
    # Two of its pauses: that nothing is asked can only be seen by letting them pass.
    page.evaluate("new Promise((done) => setTimeout(done, 4500))")
    assert len(asked) == before
    with page.expect_request(lambda request: "/news/" in request.url, timeout=1500):
        page.evaluate(hide, False)


def test_without_scripts_a_link_shows_what_is_new(stage, browser, live_server):
    context = EYES[0].open(browser, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{live_server.url}{stage.page(stage.open())}")
    answer(stage)
    page.get_by_role("link", name="查看新进展").click()
    expect(page.get_by_text(ANSWER)).to_be_visible()
    context.close()
