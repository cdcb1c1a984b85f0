"""Nonsense in the admin's addresses, as a scanner or a tired person types it."""

import pytest

pytestmark = pytest.mark.django_db

HUGE = "9" * 24
LISTS = ("tickets/ticket", "orders/refund")


@pytest.mark.parametrize("where", LISTS)
@pytest.mark.parametrize("query", [f"id__in={HUGE}", "p=x"])
def test_a_list_with_a_filter_that_cannot_be_comes_back_without_it(admin_client, where, query):
    answer = admin_client.get(f"/admin/{where}/?{query}", follow=True)
    assert answer.status_code == 200


@pytest.mark.parametrize("year", ["-1", HUGE])
def test_no_dispute_is_of_such_a_year(admin_client, year):
    answer = admin_client.get(f"/admin/tickets/ticket/?opened_at__year={year}", follow=True)
    assert answer.status_code == 200


@pytest.mark.parametrize("what", ["tickets/ticket", "orders/refund"])
@pytest.mark.parametrize("pk", ["x", HUGE])
@pytest.mark.parametrize("verb", ["change", "approve", "query-now"])
def test_no_row_has_such_a_number(admin_client, what, pk, verb):
    for method in (admin_client.get, admin_client.post):
        answer = method(f"/admin/{what}/{pk}/{verb}/", follow=True)
        assert answer.status_code in (200, 403, 404)
