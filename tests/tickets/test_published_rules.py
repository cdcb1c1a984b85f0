"""Rules are published a week before they apply, kept for good, and an order keeps its version."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.db import IntegrityError, transaction

from orders.intake import put_order
from orders.models import Order, RuleVersion
from orders.rules import UnableToPublish, find_rules, publish_rules
from tests.orders.conftest import facts_of, order_body
from tests.stories import SECOND, at, make_order
from tests.tickets.web import Browser

pytestmark = pytest.mark.django_db
WEEK = timedelta(days=7)
NOW = at("10:00")


@pytest.fixture
def wang(supervisor_wang):
    right = Permission.objects.get(codename="publish_rules")
    supervisor_wang.user_permissions.add(right)
    return type(supervisor_wang).objects.get(pk=supervisor_wang.pk)


@pytest.fixture
def web(monkeypatch, desk):
    cache.clear()
    return Browser(monkeypatch).at(NOW)


def publish(wang, version="2026-12", *, at_=NOW + WEEK, now=NOW, **texts):
    words = {"text_zh": "# 到账\n\n付款后十分钟", "text_en": "# Arrival\n\nTen minutes", **texts}
    return publish_rules(version=version, effective_at=at_, actor=wang, now=now, **words)


class TestPublishing:
    def test_the_first_version_may_apply_at_once(self, wang):
        assert publish(wang, at_=NOW).effective_at == NOW

    def test_the_next_one_applies_seven_days_later_and_not_a_second_earlier(self, wang):
        publish(wang, "1", at_=NOW)
        with pytest.raises(UnableToPublish) as refused:
            publish(wang, "2", at_=NOW + WEEK - SECOND)
        assert (refused.value.code, refused.value.field) == ("too_soon", "effective_at")
        assert publish(wang, "2", at_=NOW + WEEK).published_at == NOW

    def test_versions_follow_each_other(self, wang):
        publish(wang, "1", at_=NOW + 2 * WEEK)
        with pytest.raises(UnableToPublish) as refused:
            publish(wang, "2", at_=NOW + 2 * WEEK)
        assert refused.value.code == "out_of_order"

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"version": "2026 12"}, "version"),
            ({"version": ""}, "version"),
            ({"text_en": " "}, "text_en"),
            ({"text_zh": "字" * 20_001}, "text_zh"),
        ],
    )
    def test_what_does_not_suffice_is_named(self, wang, fields, field):
        with pytest.raises(UnableToPublish) as refused:
            publish(wang, **fields)
        assert refused.value.field == field
        assert not RuleVersion.objects.exists()

    def test_a_version_is_published_once(self, wang):
        publish(wang, "1", at_=NOW)
        with pytest.raises(UnableToPublish, match="1"):
            publish(wang, "1")

    def test_an_agent_publishes_nothing(self, agent_lin):
        with pytest.raises(UnableToPublish) as refused:
            publish(agent_lin)
        assert refused.value.http_status == 403

    def test_the_database_refuses_what_applied_before_it_was_published(self, wang):
        row = publish(wang, at_=NOW)
        row.effective_at = NOW - SECOND
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save()


class TestReading:
    def test_current_coming_and_past(self, web, wang):
        publish(wang, "1", at_=at("11-01 00:00"), now=at("11-01 00:00"))
        publish(wang, "2", at_=at("11-20 00:00"), now=at("11-02 00:00"), text_en="The second")
        publish(wang, "3", at_=NOW + WEEK, text_en="The third")
        web.get("/rules/")
        assert web.says("The second")
        assert web.says("Version 3 applies from 1 Dec 10:00.")
        assert not web.says("The third")
        web.get("/rules/3/")
        assert web.says("Applies from 1 Dec 10:00; published 24 Nov 10:00.")
        web.get("/rules/1/")
        assert web.says("Applied from 1 Nov 00:00 until 20 Nov 00:00.")

    def test_it_changes_on_the_very_second(self, wang):
        first, second = publish(wang, "1", at_=NOW), publish(wang, "2")
        assert find_rules(at=NOW + WEEK - SECOND) == first
        assert find_rules(at=NOW + WEEK) == second

    def test_an_order_leads_to_its_own_version_whatever_the_shop_calls_it(self, web, wang):
        publish(wang, "1", at_=NOW)
        make_order(order_no="LT1", target_account="13800001234", rule_version="v 1/2?")
        web.look_up("LT1", "1234")
        assert 'href="/rules/v%201/2%3F/"' in web.text
        web.get("/rules/v%201/2%3F/")
        assert web.says("There is no version of that name here.")

    def test_without_any_version_the_times_stand_there_all_the_same(self, web, wang):
        web.get("/rules/")
        assert web.says("Credit or money back within 24 hours of complete proof")


def put(order_no, now, **fields):
    trade = f"20261124220014{order_no:0>14}"
    body = order_body(facts_as_of=now.isoformat(), **fields)
    body["payments"] = [{**body["payments"][0], "channel_trade_no": trade}]
    facts = facts_of(body, now=now)
    put_order(order_no=order_no, facts=facts, source=Order.Source.SHOP_API, now=now)
    return Order.objects.get(order_no=order_no).rule_version


def test_an_order_keeps_the_version_of_its_day(wang):
    publish(wang, "1", at_=NOW)
    publish(wang, "2")
    assert put("LT1", NOW) == "1"
    assert put("LT2", NOW + WEEK) == "2"
    assert put("LT1", NOW + WEEK) == "1"
    assert put("LT3", NOW, rule_version="of the shop") == "of the shop"
