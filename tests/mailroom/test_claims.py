"""What in a mail could be an order number, and what the last four characters."""

import pytest

from tickets.mailroom.claims import find_last_fours, find_order_tokens, find_ticket_numbers


@pytest.mark.parametrize(
    "text",
    [
        "订单号LT202611240001没有到账",
        "订单号：LT202611240001，后四位1234",
        "order no:LT202611240001.",
        "(LT202611240001)",
        "LT202611240001",
    ],
)
def test_an_order_number_is_found_in_its_surroundings(text: str) -> None:
    assert "LT202611240001" in find_order_tokens(text)


def test_numbers_with_marks_inside_are_whole() -> None:
    assert find_order_tokens("20261124-0001.A_2:b") == ["20261124-0001.A_2:b", "20261124-0001.A_2"]


def test_a_long_text_is_not_looked_up_word_by_word() -> None:
    assert len(find_order_tokens(" ".join(f"order{n:05d}" for n in range(5000)))) <= 202


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LT1000001 后四位：1234", ["1234"]),
        ("LT1000001 后四位是 ab3c，谢谢", ["ab3c"]),
        ("LT1000001 尾号1234", ["1234"]),
        ("LT1000001, last four digits of the account: 12aB", ["12aB"]),
        ("LT1000001 last 4: lei1", ["lei1"]),
        ("LT1000001 1234", ["1234"]),
        ("LT1000001\n2026-11-24 14:30 付款 100.00", []),
        ("LT1000001 2026年11月24日", []),
        ("LT1000001 充值号码13800001234", ["1234"]),
        ("LT1000001 没有到账", []),
        ("LT1000001 后四位", []),
    ],
)
def test_the_last_four(text: str, expected: list[str]) -> None:
    assert find_last_fours(text, order_no="LT1000001") == expected


def test_the_order_number_itself_proves_nothing() -> None:
    assert find_last_fours("202611240001", order_no="202611240001") == []


def test_a_list_of_guesses_is_cut() -> None:
    guesses = " ".join(f"{n:04d}" for n in range(10_000))
    assert len(find_last_fours(f"LT1000001 {guesses}", order_no="LT1000001")) == 3


def test_ticket_numbers_as_people_write_them() -> None:
    assert find_ticket_numbers("Re: 申诉单 d261124bcdfgh：我们已收到") == ["D261124BCDFGH"]
    assert find_ticket_numbers("XD261124BCDFGH D261124BCDFGHJ D261124ABCDEF") == []
