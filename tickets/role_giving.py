"""Who is an agent and who is a supervisor: given by one who runs the desk, never to oneself."""

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.utils.translation import gettext as _

from orders.refusals import Refused

#: The roles of people who work disputes, and none of them.
GIVEN = ("agent", "supervisor")
NONE = "none"


class UnableToGiveRole(Refused):
    """The role cannot be given, or not by this person."""

    code = "unable_to_give_role"


def give_role(*, user_id: int, role: str, by: User) -> User:
    """This function will make somebody an agent, a supervisor, or neither; other groups stay.

    :raises UnableToGiveRole: an unknown role, one's own or an administrator's, or the last
        supervisor's: somebody has to decide.
    """
    if role not in (*GIVEN, NONE):
        raise UnableToGiveRole(
            _("role: choose from %(codes)s.") % {"codes": ", ".join((*GIVEN, NONE))}, field="role"
        )
    with transaction.atomic():
        # Two people who take the role from two supervisors at once wait for each other here.
        supervisors = Group.objects.select_for_update().get(name="supervisor")
        user = User.objects.select_for_update().get(pk=user_id)
        if not by.has_perm("auth.change_user") or (user.is_superuser and not by.is_superuser):
            raise UnableToGiveRole(_("You may not change this person's role."), code="not_allowed")
        if user.pk == by.pk:
            raise UnableToGiveRole(_("Somebody else has to change your role."), code="same_person")
        others = User.objects.filter(is_active=True, groups=supervisors).exclude(pk=user.pk)
        is_supervisor = user.groups.filter(pk=supervisors.pk).exists()
        if is_supervisor and role != "supervisor" and not others.exists():
            raise UnableToGiveRole(
                _("This is the last supervisor: make somebody else one first."), code="last"
            )
        user.groups.remove(*Group.objects.filter(name__in=GIVEN))
        if role != NONE:
            user.groups.add(Group.objects.get(name=role))
            if not user.is_staff:
                user.is_staff = True
                user.save(update_fields=["is_staff"])
    return user
