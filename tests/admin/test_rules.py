"""Policies, keys, hours and people: what an administrator looks after."""

import json

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from orders.models import ApiKey
from tests.admin.conftest import sign_in, submit, words_of
from tests.stories import OPENING, Desk
from tickets.models import ServicePolicy, StaffedHours
from tickets.policies import get_policy

pytestmark = pytest.mark.django_db


@pytest.fixture
def gu(office: Desk) -> User:
    """An administrator by role, not a superuser."""
    user = User.objects.create_user("gu", is_staff=True)
    user.groups.add(Group.objects.get(name="admin"))
    return user


@pytest.fixture
def gu_at_work(gu: User) -> Client:
    return sign_in(gu)


def policy_page() -> str:
    return f"/admin/tickets/servicepolicy/{get_policy().pk}/change/"


def save(client: Client, body: object, version: int | None = None) -> object:
    text = body if isinstance(body, str) else json.dumps(body)
    seen = get_policy().version if version is None else version
    return client.post(policy_page(), {"text": text, "seen_version": seen})


def test_a_policy_is_replaced_as_a_whole(gu: User, gu_at_work: Client):
    body, version = get_policy().body, get_policy().version
    body["auto_refund_limit_fen"] = 30000
    assert save(gu_at_work, body).status_code == 302
    row = get_policy()
    assert row.body["auto_refund_limit_fen"] == 30000
    assert (row.version, row.updated_by, row.updated_at) == (
        version + 1,
        f"staff:{gu.pk}",
        OPENING,
    )


def test_every_wrong_field_is_named_and_nothing_is_saved(gu_at_work: Client):
    body, before = get_policy().body, ServicePolicy.objects.values_list().get()
    body["clocks"]["commitment"]["within"] = "soon"
    body["auto_refund_limit_fen"] = -1
    body["colour"] = "red"
    page = words_of(save(gu_at_work, body))
    for field in ("clocks.commitment.within", "auto_refund_limit_fen", "colour"):
        assert field in page
    assert ServicePolicy.objects.values_list().get() == before


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"code": "other"}'])
def test_what_is_no_policy_stays_on_the_page(gu_at_work: Client, text: str):
    version = get_policy().version
    assert save(gu_at_work, text).status_code == 200
    assert get_policy().version == version


def test_who_was_slower_is_told(gu_at_work: Client):
    body = get_policy().body
    page = words_of(save(gu_at_work, body, version=0))
    assert "Somebody else has changed this policy meanwhile" in page


def test_an_agent_reads_a_policy_and_changes_none(office: Desk, lin_at_work: Client):
    page = words_of(lin_at_work.get(policy_page()))
    assert "agent_resolution" in page
    assert "textarea" not in page
    assert save(lin_at_work, get_policy().body).status_code == 403


def test_a_key_is_revoked_once_and_for_all(gu: User, gu_at_work: Client):
    key = ApiKey.objects.create(
        name="shop", user=gu, prefix="desk_abcdefg", digest="0" * 64, created_at=OPENING
    )
    page = words_of(gu_at_work.get("/admin/orders/apikey/"))
    assert "desk_abcdefg…" in page
    assert "0" * 64 not in page
    submit(gu_at_work, key, "revoke")
    key.refresh_from_db()
    assert key.revoked_at == OPENING


def test_an_agent_revokes_no_key(office: Desk, gu: User, lin_at_work: Client):
    key = ApiKey.objects.create(
        name="shop", user=gu, prefix="desk_abcdefg", digest="0" * 64, created_at=OPENING
    )
    assert submit(lin_at_work, key, "revoke").status_code == 403
    key.refresh_from_db()
    assert key.revoked_at is None


def test_staffed_hours_are_edited(gu_at_work: Client):
    hours = StaffedHours.objects.get(weekday=0)
    answer = gu_at_work.post(
        f"/admin/tickets/staffedhours/{hours.pk}/change/",
        {"weekday": 0, "opens_at": "08:30", "closes_at": "21:00", "follows_holidays": "on"},
    )
    assert answer.status_code == 302
    hours.refresh_from_db()
    assert (f"{hours.opens_at:%H:%M}", hours.follows_holidays) == ("08:30", True)


def test_an_administrator_makes_nobody_a_superuser(gu: User, gu_at_work: Client):
    form = gu_at_work.get(f"/admin/auth/user/{gu.pk}/change/").context["adminform"].form
    assert "groups" in form.fields
    assert not {"is_superuser", "user_permissions"} & set(form.fields)


def test_an_administrator_changes_no_superuser(gu_at_work: Client, admin: User):
    assert gu_at_work.post(f"/admin/auth/user/{admin.pk}/change/", {}).status_code == 403
    answer = gu_at_work.post(
        f"/admin/auth/user/{admin.pk}/password/",
        {"password1": "new-password-1", "password2": "new-password-1", "usable_password": "true"},
    )
    assert answer.status_code == 403
    assert not User.objects.get(pk=admin.pk).check_password("new-password-1")
