"""The demo desk's people, keys, hours and calendar. Passwords are made per installation."""

import secrets
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from django.contrib.auth.models import Group, User

from orders.api.keys import create_api_key
from orders.demo_shop.rules import publish_demo_rules
from orders.models import ApiKey
from tickets.models import StaffedHours
from tickets.policies import get_policy
from tickets.public_calendar import days_of_year, store_days
from tickets.roles import set_up_roles

CALENDAR_YEARS = (2025, 2026)


@dataclass(frozen=True)
class Person:
    role: str
    username: str
    last_name: str
    first_name: str


PEOPLE = (
    Person("agent", "agent", "林", "小雨"),
    Person("supervisor", "supervisor", "周", "明远"),
    Person("supervisor", "supervisor2", "沈", "佳宁"),
    Person("admin", "admin", "顾", "知行"),
)
SHOP = Person("shop", "shop", "", "演示商城")
SHOP_SCOPES = (
    ApiKey.Scope.ORDERS,
    ApiKey.Scope.TICKETS,
    ApiKey.Scope.READ,
    ApiKey.Scope.POLICIES,
)


def set_up_desk() -> None:
    """This function will give the desk roles, the default policy, hours from 9 to 24 every day and
    the public calendar; what is there already stays."""
    set_up_roles()
    get_policy()
    if not StaffedHours.objects.exists():
        StaffedHours.objects.bulk_create(
            StaffedHours(weekday=day, opens_at=time(9), closes_at=time.min) for day in range(7)
        )
    publish_demo_rules()
    for year in CALENDAR_YEARS:
        store_days(days_of_year(year))


def give_credentials(*, now: datetime) -> dict[str, Any]:
    """This function will create the demo's people with new passwords and keys, or renew those of
    people who are there, and return what demo.json says of them."""
    accounts = []
    for person in PEOPLE:
        user = get_user(person)
        password = secrets.token_urlsafe(12)
        user.is_staff = True
        user.set_password(password)
        user.save()
        accounts.append(
            {
                "role": person.role,
                "username": person.username,
                "password": password,
                "api_key": renew_key(user, scopes=(), now=now),
            }
        )
    shop = get_user(SHOP)
    shop.set_unusable_password()
    shop.save()
    return {"accounts": accounts, "api_key": renew_key(shop, scopes=SHOP_SCOPES, now=now)}


def get_user(person: Person) -> User:
    user, _created = User.objects.get_or_create(
        username=person.username,
        defaults={
            "last_name": person.last_name,
            "first_name": person.first_name,
            "email": f"{person.username}@example.com",
        },
    )
    user.groups.add(Group.objects.get(name=person.role))
    return user


def renew_key(user: User, *, scopes: tuple[str, ...], now: datetime) -> str:
    """The old key of the same name is void: only its digest is known, so nobody could show it."""
    name = f"demo-{user.username}"
    ApiKey.objects.filter(name=name).delete()
    _key, secret = create_api_key(name=name, user=user, scopes=scopes, now=now)
    return secret
