"""A NUL in an address is answered like any other nonsense, on PostgreSQL too."""

import pytest
from rest_framework.test import APIClient

from tests.api.conftest import client_of, make_person

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path",
    [
        "/t/%00/",
        "/t/a%00b/reply/",
        "/t/%00/files/",
        "/disputes/draft/%00/",
        "/disputes/draft/a%00b/files/",
        "/orders/%00/x/",
        "/admin/%00/",
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_no_page_has_such_an_address(client, path: str, method: str):
    assert getattr(client, method)(path).status_code == 404


def test_no_question_holds_one(admin_client):
    for path in ("/admin/orders/order/?order_no=%00", "/admin/tickets/ticket/?q=a%00", "/?x=%00"):
        assert admin_client.get(path).status_code == 400


def test_the_api_answers_in_its_own_shape():
    staff: APIClient = client_of(make_person("zhao.min", "supervisor"))
    for path in ("policies/%00", "tickets/%00", "orders/%00", "tickets?assignee=%00"):
        answer = staff.get(f"/api/v1/{path}")
        assert answer.status_code in (400, 404)
        assert answer["Content-Type"] == "application/problem+json"
