"""What the public is told of disturbances, on the home page, the notices and the orders hit."""

import pytest
from django.core.cache import cache

from orders.models import Outage
from tests.stories import HOUR, at, make_order
from tests.tickets.web import Browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def web(monkeypatch, desk):
    cache.clear()
    return Browser(monkeypatch).at(at("10:00"))


def make_outage(**fields):
    values = {
        "title": "移动话费上游维护",
        "supplier": "yunchong",
        "started_at": at("08:00"),
        "published_at": at("08:30"),
        "declared_by": "wang",
        "declared_at": at("08:30"),
        "text_zh": "正在维护",
        "text_en": "Under maintenance",
        **fields,
    }
    return Outage.objects.create(**values)


def test_what_runs_stands_on_the_home_page_and_among_the_notices(web):
    make_outage()
    for page in ("/", "/notices/"):
        web.get(page)
        assert web.says("Under maintenance")
        assert web.says("Since today 08:00")


def test_what_is_over_is_told_of_for_a_day_among_the_notices_alone(web):
    outage = make_outage(ended_at=at("09:00"))
    web.get("/")
    assert not web.says("Under maintenance")
    web.get("/notices/")
    assert web.says("Over: 移动话费上游维护")
    outage.ended_at = at("09:00") - 24 * HOUR
    outage.started_at = at("09:00") - 26 * HOUR
    outage.save()
    web.get("/notices/")
    assert web.says("No disturbance is known right now.")


def test_what_is_not_public_is_nobodys_news(web):
    make_outage(published_at=None)
    web.get("/notices/")
    assert not web.says("Under maintenance")


@pytest.mark.parametrize(
    ("scope", "is_told"),
    [
        ({"supplier": "yunchong"}, True),
        ({"supplier": "another"}, False),
        ({"supplier": "", "product_code": "CM100"}, True),
        ({"supplier": "", "product_code": "CT50"}, False),
        ({"supplier": "", "channel": "shop"}, True),
        ({"supplier": "", "channel": "alipay"}, False),
        ({"supplier": "yunchong", "ended_at": at("09:00")}, False),
    ],
)
def test_an_order_tells_of_what_is_in_its_way(web, scope, is_told):
    make_outage(**scope)
    make_order(
        order_no="LT1", target_account="13800001234", supplier="yunchong", created_at=at("09:30")
    )
    web.look_up("LT1", "1234")
    assert web.says("Under maintenance") is is_told
