"""A newcomer starts the demo: a shop with a past, people with passwords of their own."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from rest_framework.test import APIClient

from orders.entitlement import get_standing
from orders.models import ApiKey, Order, Payment, TopUp
from tickets.actors import Actor
from tickets.models import CalendarDay, ServicePolicy, StaffedHours

pytestmark = pytest.mark.django_db


@pytest.fixture
def data(tmp_path: Path, settings: Any) -> Path:
    settings.HELPDESK_DATA = tmp_path
    settings.DEMO = True
    return tmp_path


@pytest.fixture
def demo(data: Path) -> dict[str, Any]:
    call_command("seed_demo")
    return json.loads((data / "demo.json").read_text(encoding="utf-8"))


def everything() -> list[Any]:
    tables = (Order, Payment, TopUp, User, ApiKey, CalendarDay, StaffedHours, ServicePolicy)
    return [list(table.objects.order_by("pk").values()) for table in tables]


def test_a_shop_with_orders_in_every_state(demo: dict[str, Any]):
    assert 300 <= Order.objects.count() <= 999
    assert set(Order.objects.values_list("status", flat=True)) == set(Order.Status.values)
    assert set(Order.objects.values_list("product_kind", flat=True)) == {
        "instant", "slow", "presale",
    }  # fmt: skip
    assert Order.objects.filter(target_account="").count() >= 10
    assert Order.objects.filter(reseller=True).count() >= 10
    channels = list(Payment.objects.values_list("channel", flat=True))
    assert set(channels) == {"sandbox", "alipay", "wechatpay", "offline"}
    assert channels.count("sandbox") > len(channels) * 0.75
    states = set(TopUp.objects.values_list("state", flat=True))
    assert {"succeeded", "failed", "pending", "unknown", "partial"} <= states


def test_the_order_to_try_is_owed_a_small_sum_through_the_sandbox(demo: dict[str, Any]):
    order = Order.objects.get(order_no=demo["order"]["order_no"])
    assert demo["order"]["account_last4"] in order.account_tails()
    assert (order.status, order.payments.get().channel) == ("failed", "sandbox")
    standing = get_standing(order)
    assert 0 < standing.owed_fen < 50_000
    assert Order.objects.filter(buyer_ref=order.buyer_ref).count() == 1
    assert Order.objects.filter(target_account=order.target_account).count() == 1


def test_people_with_the_rights_of_their_roles(demo: dict[str, Any], client: Any):
    assert sorted(a["role"] for a in demo["accounts"]) == [
        "admin", "agent", "supervisor", "supervisor",
    ]  # fmt: skip
    for account in demo["accounts"]:
        assert client.login(username=account["username"], password=account["password"])
        user = User.objects.get(username=account["username"])
        assert user.is_staff
        expected = "agent" if account["role"] == "agent" else "supervisor"
        assert Actor.of(user).role == expected
        assert ApiKey.objects.get(digest=ApiKey.digest_of(account["api_key"])).user == user
    assert len({account["password"] for account in demo["accounts"]}) == 4


def test_the_shops_key_reads_and_works_no_disputes(demo: dict[str, Any]):
    shop = APIClient()
    shop.credentials(HTTP_AUTHORIZATION=f"Api-Key {demo['api_key']}")
    answer = shop.get(f"/api/v1/orders/{demo['order']['order_no']}")
    assert answer.json()["target_account"].endswith(demo["order"]["account_last4"])
    user = User.objects.get(username="shop")
    assert not user.has_perm("tickets.work_ticket")
    assert user.has_perm("tickets.change_servicepolicy")
    assert not user.has_usable_password()
    assert not user.is_staff


def test_the_files_are_for_their_owner(demo: dict[str, Any], data: Path):
    for name in ("demo.json", "simulator-seed.json"):
        assert stat.S_IMODE((data / name).stat().st_mode) == 0o600
    seed = json.loads((data / "simulator-seed.json").read_text(encoding="utf-8"))
    paid = Payment.objects.filter(status="paid")
    assert {t["trade_no"] for t in seed["trades"]} == set(
        paid.values_list("channel_trade_no", flat=True)
    )
    assert len(seed["orders"]) == TopUp.objects.count()


def test_again_changes_nothing(demo: dict[str, Any], data: Path):
    before, file = everything(), (data / "demo.json").read_bytes()
    call_command("seed_demo")
    assert everything() == before
    assert (data / "demo.json").read_bytes() == file


def test_a_lost_file_gives_new_passwords_and_the_same_shop(demo: dict[str, Any], data: Path):
    (data / "demo.json").unlink()
    orders = list(Order.objects.values())
    call_command("seed_demo")
    again = json.loads((data / "demo.json").read_text(encoding="utf-8"))
    assert list(Order.objects.values()) == orders
    assert again["order"] == demo["order"]
    assert again["api_key"] != demo["api_key"]
    assert ApiKey.objects.count() == 5


def test_every_promise_has_its_hours_and_its_calendar(demo: dict[str, Any]):
    assert StaffedHours.objects.count() == 7
    assert {d.date.year for d in CalendarDay.objects.all()} == {2025, 2026}
    assert CalendarDay.objects.get(date="2026-02-14").kind == "workday"
    assert CalendarDay.objects.get(date="2026-10-01").kind == "holiday"
    assert ServicePolicy.objects.get().code == "default"


def test_not_in_a_desk_that_is_no_demo(data: Path, settings: Any):
    settings.DEMO = False
    with pytest.raises(CommandError):
        call_command("seed_demo")
    assert not Order.objects.exists()
    call_command("seed_demo", force=True)
    assert Order.objects.exists()
