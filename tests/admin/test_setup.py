"""The first hour's page: who may see it, and what its forms do."""

import pytest
from django.test import Client

from orders.models import ShopProfile
from tests.admin.conftest import sign_in, words_of
from tests.stories import Desk
from tickets.models import Notice
from tickets.policies import live_controls

pytestmark = pytest.mark.django_db

PAGE = "/admin/setup/"


def send(client: Client, what: str, **fields: str):
    return client.post(PAGE, {"what": what, **fields})


def test_a_supervisor_sees_what_is_open(wang_at_work: Client) -> None:
    words = words_of(wang_at_work.get(PAGE))
    assert "points are open" in words
    assert "./run manage go_live" in words
    assert not ShopProfile.objects.exists(), "looking stores nothing"


def test_in_chinese(office: Desk) -> None:
    words = words_of(sign_in(office.people["wang"], "zh-hans").get(PAGE))
    assert "上线准备" in words
    assert "商户名称与地址" in words


def test_an_agent_may_not(lin_at_work: Client) -> None:
    assert lin_at_work.get(PAGE).status_code == 403
    assert send(lin_at_work, "policy").status_code == 403
    assert not ShopProfile.objects.exists()


def test_strangers_sign_in_first(db: None) -> None:
    response = Client().get(PAGE)
    assert (response.status_code, "/admin/login/" in response["Location"]) == (302, True)


def test_name_and_address_reach_the_customer(wang_at_work: Client) -> None:
    given = {"legal_name": "杭州云充网络有限公司", "address": "杭州市文三路 1 号", "phone": ""}
    assert send(wang_at_work, "shop", **given).status_code == 302
    assert "杭州云充网络有限公司 · 杭州市文三路 1 号" in words_of(Client().get("/"))


@pytest.mark.parametrize(
    ("what", "fields", "says"),
    [
        ("shop", {"legal_name": "", "address": "杭州市文三路"}, "required"),
        ("shop", {"legal_name": "云充", "address": "杭州"}, "5 to 200"),
        ("shop", {"legal_name": "云充", "address": "杭州市文三路", "phone": "call me"}, "digits"),
        ("shop", {"legal_name": "云" * 101, "address": "杭州市文三路"}, "100"),
        ("mail", {}, "EMAIL_URL is not set"),
        ("code", {"code": "123456"}, "not the code"),
        ("budgets", {"hour": "1000", "day": "10"}, "below"),
        ("budgets", {"hour": "0", "day": "10"}, "0.01"),
        ("budgets", {"hour": "1.001", "day": "10"}, "decimal"),
        ("budgets", {"hour": "many", "day": "10"}, "number"),
    ],
)
def test_what_cannot_be_is_said_in_its_form(
    wang_at_work: Client, what: str, fields: dict[str, str], says: str
) -> None:
    response = send(wang_at_work, what, **fields)
    assert response.status_code == 400
    assert says in words_of(response)
    assert not ShopProfile.objects.exclude(legal_name="").exists()
    assert live_controls("default").auto_refund_budget_fen.hour is None


def test_mail_and_its_code(wang_at_work: Client, settings) -> None:
    settings.EMAIL_URL = "smtp+tls://desk:secret@smtp.example.com:587"
    assert send(wang_at_work, "mail").status_code == 302
    code = Notice.objects.get(kind="setup_test_mail").context["code"]
    assert send(wang_at_work, "code", code=code).status_code == 302
    assert ShopProfile.objects.get().mail_confirmed_at is not None


def test_policy_and_budgets(wang_at_work: Client) -> None:
    assert send(wang_at_work, "policy").status_code == 302
    assert send(wang_at_work, "budgets", hour="1000", day="5000.50").status_code == 302
    budget = live_controls("default").auto_refund_budget_fen
    assert (budget.hour, budget.day) == (100_000, 500_050)


def test_an_unknown_form_does_nothing(wang_at_work: Client) -> None:
    assert send(wang_at_work, "what").status_code == 302
    assert not ShopProfile.objects.exists()
