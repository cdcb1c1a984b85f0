"""Lin works in a real browser, with the keyboard, under the admin's own content policy."""

from typing import Any

import pytest

from tests.admin.conftest import page_of
from tests.stories import MINUTE, OPENING, Desk

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lins_screen(office: Desk, live_server: Any, page: Any) -> Any:
    lin = office.people["lin"]
    lin.set_password("open-sesame-1")
    lin.save()
    page.complaints = []
    page.on("console", lambda m: page.complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.goto(f"{live_server.url}/admin/")
    page.fill("[name=username]", "lin")
    page.fill("[name=password]", "open-sesame-1")
    page.click("button[type=submit]")
    page.wait_for_url("**/admin/")
    page.address = live_server.url
    return page


def test_a_refund_takes_three_keys(office: Desk, lins_screen: Any):
    ticket = office.open()
    lins_screen.goto(lins_screen.address + "/admin/tickets/ticket/")
    lins_screen.get_by_text(ticket.number).click()
    lins_screen.wait_for_url(f"**{page_of(ticket)}*")
    lins_screen.keyboard.press("f")
    lins_screen.wait_for_function("document.activeElement.name === 'amount'")
    assert lins_screen.input_value("[name=amount]") == "98.00"
    with lins_screen.expect_navigation():
        lins_screen.keyboard.press("Enter")
    assert office.tell(ticket).status == "remedy_pending"
    assert [refund.amount_fen for refund in office.refunds(ticket)] == [9800]
    assert lins_screen.complaints == []


def test_the_common_case_takes_three_keys_and_two_page_loads(office: Desk, lins_screen: Any):
    """Enter opens what is due, R what is suggested, Enter does it: the next one opens."""
    second = office.open(now=OPENING - 10 * MINUTE)
    first = office.open(now=OPENING - 20 * MINUTE)
    lins_screen.goto(lins_screen.address + "/admin/tickets/ticket/")
    lins_screen.wait_for_load_state("networkidle")
    loads: list[str] = []
    lins_screen.on("load", lambda page: loads.append(page.url))
    keys: list[str] = []

    def press(key: str) -> None:
        keys.append(key)
        lins_screen.keyboard.press(key)

    press("Enter")
    lins_screen.wait_for_url(f"**{page_of(first)}*", wait_until="load")
    press("r")
    lins_screen.wait_for_function("document.activeElement.name === 'amount'")
    assert "98.00" in lins_screen.input_value("[name=text]")
    press("Enter")
    lins_screen.wait_for_url(f"**{page_of(second)}*", wait_until="load")
    assert office.tell(first).status == "remedy_pending"
    assert len(keys) <= 3
    assert len(loads) <= 2, loads
    assert lins_screen.complaints == []


def test_the_keys_are_listed_by_a_question_mark(office: Desk, lins_screen: Any):
    office.open()
    lins_screen.goto(lins_screen.address + "/admin/tickets/ticket/")
    lins_screen.keyboard.press("?")
    lins_screen.wait_for_selector("#desk-keys[open]")
    lins_screen.keyboard.press("Escape")
    lins_screen.wait_for_selector("#desk-keys:not([open])", state="attached")


def test_a_refusal_is_read_in_the_dialog(office: Desk, lins_screen: Any):
    ticket = office.open()
    lins_screen.goto(lins_screen.address + page_of(ticket))
    lins_screen.keyboard.press("s")
    lins_screen.select_option("[name=outcome]", "delivered")
    lins_screen.fill("[name=text]", "已到账")
    lins_screen.keyboard.press("Control+Enter")
    lins_screen.wait_for_selector("#modal-content .desk-refusal")
    assert lins_screen.input_value("[name=text]") == "已到账"
    assert office.tell(ticket).is_open


def test_every_room_opens_without_a_complaint(office: Desk, lins_screen: Any):
    office.open()
    rooms = ["tickets/ticket", "tickets/referral", "tickets/notice", "tickets/deadline"]
    rooms += ["orders/order", "orders/payment", "orders/refund", "tickets/servicepolicy"]
    for room in rooms:
        lins_screen.goto(f"{lins_screen.address}/admin/{room}/")
        assert lins_screen.locator("#content").is_visible()
    assert lins_screen.complaints == []
