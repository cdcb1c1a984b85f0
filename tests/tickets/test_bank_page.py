"""/t/<token>/bank/: the only place where a customer's bank account comes from."""

import re
from typing import Any

import pytest
from django.core.cache import cache

from tests.stories import CUSTOMER, Desk, acting, kinds_of, make_order
from tests.tickets.web import Browser
from tickets.bank_cards import is_card_number, mask_card
from tickets.models import BankDetails, BankTransfer, Ticket
from tickets.remedies import refund
from tickets.sealing import unseal
from tickets.transfers import Account, give_details

pytestmark = pytest.mark.django_db


def luhn(digits: str) -> str:
    """The same digits with a last one that fits."""
    return next(digits[:-1] + last for last in "0123456789" if is_card_number(digits[:-1] + last))


CARD = luhn("6222021234567890120")
WRONG = CARD[:-1] + str((int(CARD[-1]) + 1) % 10)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> Browser:
    cache.clear()
    return Browser(monkeypatch)


@pytest.fixture
def ticket(desk: Desk) -> Ticket:
    """Paid in cash, and found right by an agent."""
    order = make_order(order_no="LT1", target_account="13800001234", channel="offline")
    ticket = desk.open(order)
    lin = acting(desk.people["lin"])
    refund(ticket_id=ticket.pk, amount_fen=None, reason="x", text="", actor=lin, now=desk.now)
    return ticket


def page(ticket: Ticket) -> str:
    return f"/t/{ticket.tracking_token}/bank/"


def fields(**changes: Any) -> dict[str, Any]:
    whole = {
        "name": "赵磊",
        "bank": "中国工商银行",
        "number": CARD,
        "consent": "on",
        "last4": "1234",
    }
    return {name: value for name, value in {**whole, **changes}.items() if value is not None}


def test_from_the_tracking_page_to_the_account_and_back(web: Browser, ticket: Ticket) -> None:
    web.get(f"/t/{ticket.tracking_token}/")
    assert web.says("We need your bank details")
    assert page(ticket) in web.text
    web.get(page(ticket))
    assert web.says("Where shall we send ¥98.00?")

    web.post(page(ticket), fields())

    assert web.address == f"/t/{ticket.tracking_token}/"
    assert web.says("Your bank details have reached us, sealed.")
    assert web.says(mask_card(CARD))
    assert CARD not in web.text
    details = BankDetails.objects.get()
    assert unseal(details.sealed) == {"name": "赵磊", "bank": "中国工商银行", "number": CARD}
    assert CARD not in web.get(page(ticket))


def test_spaces_and_an_input_methods_digits(web: Browser, ticket: Ticket) -> None:
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in CARD)
    spaced = " ".join(re.findall("....", wide)) + " " + wide[16:]
    web.post(page(ticket), fields(number=spaced))
    assert unseal(BankDetails.objects.get().sealed)["number"] == CARD


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "Please enter the name the account is kept under."),
        ({"name": "赵"}, "at least two characters"),
        ({"name": "赵磊1"}, "no digits"),
        ({"name": "赵" * 51}, "At most 50 characters are possible; yours has 51."),
        ({"bank": ""}, "Please enter the name of the bank."),
        ({"bank": "1234"}, "such as ICBC"),
        ({"bank": "行" * 61}, "At most 60 characters are possible; yours has 61."),
        ({"number": ""}, "Please enter the number of the card."),
        ({"number": "622202123456789"}, "16 to 19 digits; yours has 15."),
        ({"number": "6" * 20}, "16 to 19 digits; yours has 20."),
        ({"number": "6" * 41}, "16 to 19 digits."),
        ({"number": "六二二二〇二一二三四五六七八九〇"}, "digits only"),
        ({"number": WRONG}, "a digit is wrong"),
        ({"consent": None}, "Without your agreement"),
        ({"last4": "9999"}, "These are not the last four characters"),
        ({"last4": "12"}, "Exactly four characters, please; you entered 2."),
        ({"last4": None}, "Please enter the last four characters."),
    ],
)
def test_what_is_wrong_is_named_and_nothing_kept(
    web: Browser, ticket: Ticket, changes: dict[str, Any], said: str
) -> None:
    web.post(page(ticket), fields(**changes))
    assert web.status == 400
    assert web.says(said), web.text
    assert not BankDetails.objects.exists()
    assert "bank_details_given" not in kinds_of(ticket)


def test_the_last_four_are_asked_once_per_device(web: Browser, ticket: Ticket) -> None:
    web.post(page(ticket), fields(number=WRONG))
    assert "last4" not in web.get(page(ticket))
    web.post(page(ticket), fields(last4=None))
    assert BankDetails.objects.count() == 1


def test_guessing_ends(web: Browser, ticket: Ticket) -> None:
    for _guess in range(6):
        web.post(page(ticket), fields(last4="9999"))
    web.post(page(ticket), fields())
    assert not BankDetails.objects.exists()


def test_nobody_asked_for_it(web: Browser, desk: Desk) -> None:
    ticket = desk.open()
    web.get(page(ticket))
    assert web.address == f"/t/{ticket.tracking_token}/"
    web.post(page(ticket), fields(last4=ticket.order.target_account[-4:]))
    assert not BankDetails.objects.exists()
    web.get("/t/unknown/bank/")
    assert web.status == 404


def test_looking_changes_nothing(web: Browser, ticket: Ticket) -> None:
    before = list(BankTransfer.objects.values_list())
    web.get(page(ticket) + f"?name=x&bank=yy&number={CARD}&consent=on&last4=1234")
    assert list(BankTransfer.objects.values_list()) == before
    assert not BankDetails.objects.exists()


def test_a_change_is_warned_of_once_it_is_being_checked(web: Browser, ticket: Ticket) -> None:
    account = Account(name="赵磊", bank="工行", number=CARD)
    give_details(ticket_id=ticket.pk, account=account, actor=CUSTOMER, now=web.now)
    BankTransfer.objects.update(state="proposed")
    web.get(page(ticket))
    assert web.says("Other details make that void")


@pytest.mark.parametrize(
    ("digits", "right"),
    [
        (CARD, True),
        (WRONG, False),
        (CARD[:15], False),
        (luhn("6217" + "0" * 12), True),
        (luhn("6" * 19), True),
        (luhn("6" * 19) + "0", False),
        ("６" * 16, False),
        ("", False),
    ],
)
def test_card_numbers(digits: str, right: bool) -> None:
    assert is_card_number(digits) is right


def test_every_single_wrong_digit_is_noticed() -> None:
    for place in range(len(CARD)):
        for digit in set("0123456789") - {CARD[place]}:
            assert not is_card_number(CARD[:place] + digit + CARD[place + 1 :])
