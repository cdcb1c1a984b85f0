"""A desk's groups: who may do what."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command

from tickets.actors import Actor

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def roles() -> None:
    call_command("setup_roles")


def person(role: str) -> User:
    user = User.objects.create_user(role)
    user.groups.add(Group.objects.get(name=role))
    return user


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        (
            "agent",
            ["tickets.work_ticket", "orders.view_order", "orders.add_topup"],
            ["tickets.supervise_ticket", "orders.change_order", "tickets.change_servicepolicy"],
        ),
        (
            "supervisor",
            ["tickets.supervise_ticket", "tickets.work_ticket", "orders.settle_refund_by_hand"],
            ["orders.change_order", "orders.add_apikey", "auth.change_user"],
        ),
        (
            "admin",
            ["auth.add_user", "orders.add_apikey", "tickets.change_servicepolicy"],
            ["orders.delete_order", "tickets.delete_event", "tickets.delete_ticket"],
        ),
        (
            "shop",
            ["orders.change_order", "tickets.add_ticket", "tickets.change_servicepolicy"],
            ["tickets.work_ticket", "tickets.supervise_ticket", "tickets.reveal_contact"],
        ),
    ],
)
def test_a_role_may_what_it_needs_and_no_more(role: str, may: list[str], may_not: list[str]):
    user = person(role)
    assert [right for right in may if not user.has_perm(right)] == []
    assert [right for right in may_not if user.has_perm(right)] == []


def test_people_act_as_their_roles():
    assert Actor.of(person("agent")).role == "agent"
    assert Actor.of(person("supervisor")).role == "supervisor"
    with pytest.raises(PermissionError):
        Actor.of(person("shop"))


def test_again_changes_nothing_and_keeps_what_an_operator_added():
    agent = Group.objects.get(name="agent")
    extra = Permission.objects.get(codename="view_user")
    agent.permissions.add(extra)
    before = set(agent.permissions.values_list("pk", flat=True))
    call_command("setup_roles")
    assert set(agent.permissions.values_list("pk", flat=True)) == before
    assert Group.objects.count() == 4
