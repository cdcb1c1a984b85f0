"""Who may make whom a supervisor."""

import pytest
from django.contrib.auth.models import User

from tests.stories import make_person
from tickets.role_giving import UnableToGiveRole, give_role
from tickets.roles import set_up_roles

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(db: None) -> User:
    set_up_roles()
    return make_person("root", "admin")


def roles_of(user: User) -> set[str]:
    return set(User.objects.get(pk=user.pk).groups.values_list("name", flat=True))


def test_an_agent_becomes_a_supervisor_and_neither(root: User):
    lin, wang = make_person("lin", "agent"), make_person("wang", "supervisor")
    give_role(user_id=lin.pk, role="supervisor", by=root)
    assert roles_of(lin) == {"supervisor"}
    give_role(user_id=wang.pk, role="none", by=root)
    assert roles_of(wang) == set()
    assert not User.objects.get(pk=wang.pk).has_perm("tickets.work_ticket")


def test_somebody_new_can_sign_in_by_the_role(root: User):
    new = User.objects.create_user("new")
    give_role(user_id=new.pk, role="agent", by=root)
    assert User.objects.get(pk=new.pk).is_staff


def test_the_last_supervisor_stays_one(root: User):
    wang = make_person("wang", "supervisor")
    gone = make_person("gone", "supervisor")
    User.objects.filter(pk=gone.pk).update(is_active=False)
    with pytest.raises(UnableToGiveRole) as refused:
        give_role(user_id=wang.pk, role="agent", by=root)
    assert refused.value.code == "last"
    assert roles_of(wang) == {"supervisor"}
    make_person("zhao", "supervisor")
    give_role(user_id=wang.pk, role="agent", by=root)
    assert roles_of(wang) == {"agent"}


def test_nobody_gives_himself_a_role_or_goes_around_the_roles(root: User):
    wang, lin = make_person("wang", "supervisor"), make_person("lin", "agent")
    for who, whom in ((root, root), (wang, lin), (lin, lin), (wang, root)):
        with pytest.raises(UnableToGiveRole):
            give_role(user_id=whom.pk, role="supervisor", by=who)
    with pytest.raises(UnableToGiveRole) as refused:
        give_role(user_id=lin.pk, role="king", by=root)
    assert refused.value.field == "role"
    assert roles_of(lin) == {"agent"}
