"""Words used again and again: written by supervisors, filled in for agents, refused when wrong."""

import pytest
from django.test import Client

from tests.admin.conftest import dialog_of, words_of
from tests.stories import Desk, make_order
from tickets.macros import VARIABLES, InvalidMacro, check_text
from tickets.models import Macro

pytestmark = pytest.mark.django_db
ADD = "/admin/tickets/macro/add/"
TEXT = "订单 {order_no}：{amount} 将于 {due} 前退回。"


def save(client: Client, **changes):
    fields = {
        "name": "退款说明",
        "text_zh": TEXT,
        "text_en": "Order {order_no}: {amount} by {due}.",
        "position": 1,
        "is_active": "on",
    }
    return client.post(ADD, fields | changes)


def test_a_supervisor_writes_one_and_it_is_filled_in(office: Desk, lin_at_work, wang_at_work):
    assert save(wang_at_work).status_code == 302
    ticket = office.open(make_order(target_account="13800001234"))
    page = words_of(lin_at_work.get(dialog_of(ticket, "reply")))
    words = f"订单 {ticket.order.order_no}：¥98.00 将于 2026-11-25 10:00 前退回。"
    assert f'data-text="{words}"' in page


def test_a_customer_who_reads_english_is_answered_in_english(office: Desk, lin_at_work):
    Macro.objects.create(name="退款说明", text_zh=TEXT, text_en="Order {order_no}.")
    ticket = office.open(language="en")
    page = words_of(lin_at_work.get(dialog_of(ticket, "reply")))
    assert f'data-text="Order {ticket.order.order_no}."' in page


@pytest.mark.parametrize("field", ["text_zh", "text_en"])
def test_an_unknown_variable_is_named_and_nothing_is_saved(wang_at_work, field: str):
    page = words_of(save(wang_at_work, **{field: "您好 {customer_phone}，{x}"}))
    assert "Unknown: {customer_phone}, {x}." in page
    assert "{order_no}" in page
    assert not Macro.objects.exists()


@pytest.mark.parametrize("text", ["{", "}", "{order_no", "{{order_no}}", "{}", "{ order_no }"])
def test_braces_that_are_no_variable_are_refused(text: str):
    with pytest.raises(InvalidMacro):
        check_text(text)


def test_every_variable_has_a_value_for_every_dispute(office: Desk, lin_at_work):
    text = " ".join(f"{{{name}}}" for name in VARIABLES)
    check_text(text)
    Macro.objects.create(name="全部", text_zh=text, text_en=text)
    for ticket in (office.open(proof=()), office.open(make_order(paid=[], target_account=""))):
        assert 'data-text="D' in words_of(lin_at_work.get(dialog_of(ticket, "reply")))


def test_values_are_words_and_no_markup(office: Desk, lin_at_work):
    Macro.objects.create(name="商品", text_zh="{product}", text_en="{product}")
    ticket = office.open(make_order(product_name='"><script>alert(1)</script>'))
    assert "<script>alert(1)" not in words_of(lin_at_work.get(dialog_of(ticket, "reply")))


def test_the_preview_says_what_each_variable_stands_for(wang_at_work):
    macro = Macro.objects.create(name="退款说明", text_zh=TEXT, text_en="x")
    page = words_of(wang_at_work.get(f"/admin/tickets/macro/{macro.pk}/change/"))
    assert '<mark class="desk-variable">order number</mark>' in page


def test_agents_use_macros_and_do_not_write_them(lin_at_work):
    assert lin_at_work.get(ADD).status_code == 403
    assert save(lin_at_work).status_code == 403


def test_without_macros_the_dialog_does_not_offer_any(office: Desk, lin_at_work):
    assert "data-macros" not in words_of(lin_at_work.get(dialog_of(office.open(), "reply")))
