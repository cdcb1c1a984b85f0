"""Supervisors publish the rules in the admin, a week ahead; agents read them."""

from datetime import timedelta

import pytest

from orders.models import RuleVersion
from tests.admin.conftest import words_of
from tests.stories import OPENING

pytestmark = pytest.mark.django_db
ADD = "/admin/orders/ruleversion/add/"


def publish(client, version, days):
    at = OPENING + timedelta(days=days)
    data = {
        "version": version,
        "effective_at_0": f"{at:%Y-%m-%d}",
        "effective_at_1": f"{at:%H:%M:%S}",
        "text_zh": "# 到账\n\n十分钟内",
        "text_en": "# Arrival\n\nWithin ten minutes",
    }
    return client.post(ADD, data, follow=True)


def test_the_first_version_and_the_next_a_week_later(office, wang_at_work):
    assert wang_at_work.get(ADD).status_code == 200
    assert publish(wang_at_work, "2026-11", 0).status_code == 200
    first = RuleVersion.objects.get()
    assert (first.published_by, first.effective_at) == (
        f"staff:{office.people['wang'].pk}",
        OPENING,
    )
    answer = publish(wang_at_work, "2026-12", 6)
    assert "at least 7 days before they apply" in words_of(answer)
    assert RuleVersion.objects.count() == 1
    publish(wang_at_work, "2026-12", 7)
    assert RuleVersion.objects.count() == 2


def test_what_is_missing_is_named_and_nothing_is_written(wang_at_work):
    answer = wang_at_work.post(ADD, {"version": "2026 12"})
    assert answer.status_code == 200
    assert "This field is required." in words_of(answer)
    assert not RuleVersion.objects.exists()


def test_a_published_version_is_read_and_not_changed(wang_at_work):
    publish(wang_at_work, "2026-11", 0)
    page = f"/admin/orders/ruleversion/{RuleVersion.objects.get().pk}/change/"
    assert wang_at_work.get(page).status_code == 200
    assert wang_at_work.post(page, {"text_zh": "别的"}).status_code == 403
    assert RuleVersion.objects.get().text_zh.startswith("# 到账")


def test_an_agent_does_not_publish(lin_at_work):
    assert lin_at_work.get(ADD).status_code == 403
    assert publish(lin_at_work, "2026-11", 0).status_code == 403
    assert not RuleVersion.objects.exists()
