"""The operator gives the shop's backend a key."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from rest_framework.test import APIClient

from orders.models import ApiKey

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop_user() -> User:
    return User.objects.create_superuser("shop")


def create(capsys: Any, *arguments: str) -> str:
    call_command("create_api_key", *arguments)
    return capsys.readouterr().out.strip()


def test_it_is_printed_alone_on_a_line_once_and_acts_as_its_person(shop_user: User, capsys: Any):
    secret = create(capsys, "backend", "--as", "shop")
    assert "\n" not in secret
    key = ApiKey.objects.get()
    assert (key.user, key.scopes) == (shop_user, [])
    assert key.digest == ApiKey.digest_of(secret) != secret
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Api-Key {secret}")
    assert client.get("/api/v1/refunds").status_code == 200


def test_with_scopes_it_may_do_those_and_no_more(shop_user: User, capsys: Any):
    secret = create(capsys, "reader", "--as", "shop", "--scope", "read", "--scope", "policies")
    assert ApiKey.objects.get().scopes == ["policies", "read"]
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Api-Key {secret}")
    assert client.get("/api/v1/refunds").status_code == 200
    assert client.put("/api/v1/orders/LT1", {}, format="json").status_code == 403


@pytest.mark.parametrize(
    "arguments",
    [("k", "--as", "nobody"), ("taken", "--as", "shop"), ("x" * 101, "--as", "shop"),
     ("k", "--as", "shop", "--scope", "everything")],
)  # fmt: skip
def test_what_cannot_be(shop_user: User, capsys: Any, arguments: tuple[str, ...]):
    create(capsys, "taken", "--as", "shop")
    with pytest.raises(CommandError):
        create(capsys, *arguments)
    assert ApiKey.objects.count() == 1
