"""The end of the rehearsal: not before everything is ready, and then from now on."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command

from orders.api.keys import create_api_key
from orders.models import ApiKey, Order, ShopProfile
from tests.stories import HOUR, Desk, acting, at, make_order
from tickets import remedies
from tickets.going_live import (
    InvalidBudget,
    UnableToGoLive,
    demo_accounts,
    find_obstacles,
    go_live,
    set_budgets,
)
from tickets.models import Approval, Notice, ServicePolicy, StaffedHours, Ticket
from tickets.notices import send_due_notices
from tickets.policies import get_policy, live_controls
from tickets.roles import set_up_roles
from tickets.setup import checklist
from tickets.shop_profile import (
    UnableToSetUp,
    confirm_test_mail,
    describe_shop,
    find_profile,
    note_policy_read,
    send_test_mail,
)

pytestmark = pytest.mark.django_db

NOW = at("10:00")
BUDGETS: dict[str, Any] = {"hour_fen": 100_000, "day_fen": 500_000, "actor_label": "staff:1"}


def open_items() -> set[str]:
    return {item.code for item in checklist(now=NOW) if not item.is_done}


def lines_of(*arguments: str) -> tuple[int, str]:
    errors = StringIO()
    try:
        call_command("go_live", *arguments, stderr=errors, stdout=errors)
    except CommandError as error:
        return error.returncode, errors.getvalue() + str(error)
    return 0, errors.getvalue()


@pytest.fixture
def production(desk: Desk, settings, monkeypatch) -> Desk:
    """A desk as `DEMO=0` starts it, whose operator has gone through the list."""
    monkeypatch.setattr("helpdesk.clock.now", lambda: desk.now)
    ServicePolicy.objects.all().delete()
    settings.SITE_URL, settings.SITE_URL_IS_GUESSED = "https://desk.example.com", False
    settings.EMAIL_URL = "smtp+tls://desk:secret@smtp.example.com:587"
    settings.SHOP_REFUND_URL = "https://shop.example.com/refunds"
    settings.SHOP_REFUND_SECRET = "0123456789abcdef0123456789abcdef"
    set_up_roles()
    for name, user in desk.people.items():
        user.groups.set([Group.objects.get(name="agent" if name == "lin" else "supervisor")])
        User.objects.filter(pk=user.pk).update(email=f"{name}@shop.example.cn", is_staff=True)
    describe_shop(
        legal_name="杭州云充网络有限公司",
        address="浙江省杭州市西湖区文三路 1 号",
        phone="0571-88880000",
        actor_label="staff:1",
        now=NOW,
    )
    desk.people["wang"].refresh_from_db()
    send_test_mail(user=desk.people["wang"], actor_label="staff:1", now=NOW)
    send_due_notices(clock=lambda: NOW)
    confirm_test_mail(code=find_profile().mail_code, actor_label="staff:1", now=NOW)
    ticket = desk.open(desk.order(source=Order.Source.SHOP_API))
    refund(desk, ticket)
    note_policy_read(actor_label="staff:1", now=NOW)
    return desk


def refund(desk: Desk, ticket: Ticket) -> None:
    """One click of a supervisor, and the channel's answer."""
    remedies.refund(
        amount_fen=None,
        ticket_id=ticket.pk,
        reason="试退",
        text="已退款",
        actor=acting(desk.people["wang"]),
        now=desk.now,
    )
    desk.settle(ticket, "succeeded")


def test_production_starts_in_rehearsal(db: None, settings) -> None:
    settings.DEMO = False
    body = get_policy().body
    assert (body["rehearsal"], body["facts_max_age"]) == (True, "PT30M")


def test_every_item_is_open_on_an_empty_desk(db: None) -> None:
    assert open_items() == {
        "shop", "site", "hours", "people", "mail", "orders", "channels", "refund", "policy",
        "budgets",
    }  # fmt: skip


def test_going_live(production: Desk) -> None:
    assert open_items() == {"budgets"}
    assert live_controls("default").rehearsal
    live = go_live(**BUDGETS, now=NOW)
    assert (live.is_new, live.since) == (True, NOW)
    controls = live_controls("default")
    assert not controls.rehearsal
    assert (controls.auto_refund_budget_fen.hour, controls.auto_refund_budget_fen.day) == (
        100_000,
        500_000,
    )
    assert open_items() == set()
    again = go_live(**BUDGETS, now=NOW + HOUR)
    assert (again.is_new, again.since) == (False, NOW)


def test_an_order_from_before_is_disputed_but_nothing_happens_by_itself(production: Desk) -> None:
    old = production.order(source=Order.Source.SHOP_API, created_at=NOW - 2 * HOUR)
    production.now = NOW + timedelta(minutes=1)
    go_live(**BUDGETS, now=production.now)
    before = Ticket.objects.count()
    make_order(order_no="OLD2", status="failed", created_at=NOW - 3 * HOUR)
    production.advance(NOW + 2 * HOUR)
    assert Ticket.objects.count() == before, "the desk opens nothing"
    ticket = production.open(old)
    production.advance(at("11-25 12:00"))
    (held,) = production.refunds(ticket)
    assert held.held
    assert Approval.objects.filter(ticket=ticket, state="pending").exists()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda desk: ShopProfile.objects.update(legal_name=""),
        lambda desk: ShopProfile.objects.update(mail_confirmed_at=None),
        lambda desk: StaffedHours.objects.all().delete(),
        lambda desk: User.objects.filter(username=desk.people["zhao"].username).update(
            is_active=False
        ),
        lambda desk: User.objects.filter(username=desk.people["lin"].username).update(email=""),
        lambda desk: set_policy_limit(),
    ],
)
def test_one_open_item_is_enough_to_refuse(production: Desk, spoil) -> None:
    spoil(production)
    assert len(find_obstacles(now=NOW)) == 1
    with pytest.raises(UnableToGoLive):
        go_live(**BUDGETS, now=NOW)
    assert live_controls("default").rehearsal
    assert find_profile().live_from is None


def set_policy_limit() -> None:
    row = get_policy()
    row.body["auto_refund_limit_fen"] = 1
    row.save()


def test_other_mail_settings_are_tried_anew(production: Desk, settings) -> None:
    settings.EMAIL_URL = "smtp+tls://desk:secret@other.example.com:587"
    assert open_items() == {"mail", "budgets"}


def test_a_demo_never_goes_live(production: Desk, settings) -> None:
    settings.DEMO = True
    production.open(production.order(source=Order.Source.DEMO))
    user = User.objects.create(username="supervisor2")
    create_api_key(name="demo-supervisor2", user=user, scopes=(), now=NOW)
    assert demo_accounts() == {"supervisor2"}
    reasons = find_obstacles(now=NOW)
    assert len(reasons) == 5
    code, said = lines_of("--hour-budget-fen=1", "--day-budget-fen=2", "--yes")
    assert code == 1
    assert "supervisor2" in said
    assert all(reason in said for reason in reasons)
    ApiKey.objects.all().delete()
    settings.DEMO = False
    assert len(find_obstacles(now=NOW)) == 3


def test_the_command(production: Desk) -> None:
    code, said = lines_of("--hour-budget-fen=100000", "--day-budget-fen=500000", "--yes")
    assert (code, "2026-11-24" in said) == (0, True)
    assert not live_controls("default").rehearsal


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--hour-budget-fen=1", "--yes"),
        ("--hour-budget-fen=1", "--day-budget-fen=2"),
        ("--hour-budget-fen=0", "--day-budget-fen=2", "--yes"),
        ("--hour-budget-fen=3", "--day-budget-fen=2", "--yes"),
        ("--hour-budget-fen=1", "--day-budget-fen=1000000000001", "--yes"),
    ],
)
def test_wrong_use(production: Desk, arguments: tuple[str, ...]) -> None:
    code, said = lines_of(*arguments)
    assert (code, bool(said)) == (2, True)
    assert live_controls("default").rehearsal


def test_budgets_without_going_live(production: Desk) -> None:
    set_budgets(**BUDGETS, now=NOW)
    assert open_items() == set()
    assert live_controls("default").rehearsal
    with pytest.raises(InvalidBudget):
        set_budgets(hour_fen=2, day_fen=1, actor_label="staff:1", now=NOW)


def test_a_code_is_tried_once(production: Desk) -> None:
    send_test_mail(user=production.people["wang"], actor_label="staff:1", now=NOW + HOUR)
    code = find_profile().mail_code
    with pytest.raises(UnableToSetUp):
        confirm_test_mail(code="x", actor_label="staff:1", now=NOW + HOUR)
    with pytest.raises(UnableToSetUp):
        confirm_test_mail(code=code, actor_label="staff:1", now=NOW + HOUR)
    assert "mail" in open_items()


def test_a_code_of_the_day_before_yesterday(production: Desk) -> None:
    send_test_mail(user=production.people["wang"], actor_label="staff:1", now=NOW)
    with pytest.raises(UnableToSetUp):
        confirm_test_mail(code=find_profile().mail_code, actor_label="staff:1", now=NOW + 25 * HOUR)


def test_the_mail_carries_the_code(production: Desk) -> None:
    sent = Notice.objects.get(kind="setup_test_mail")
    assert sent.recipient == "wang@shop.example.cn"
    assert sent.context["code"] in sent.subject
    assert "/admin/setup/" in sent.body
