"""Who acts. Events keep the label, which outlives the person's account."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from django.contrib.auth.models import User

Role = Literal["customer", "agent", "supervisor", "system"]


@dataclass(frozen=True)
class Actor:
    role: Role
    user_id: int | None = None

    @classmethod
    def system(cls) -> "Actor":
        return cls("system")

    @classmethod
    def customer(cls) -> "Actor":
        return cls("customer")

    @classmethod
    def of(cls, user: "User") -> "Actor":
        """This function will name the actor a signed-in person is.

        :raises PermissionError: the person works no disputes.
        """
        if user.has_perm("tickets.supervise_ticket"):
            return cls("supervisor", user.pk)
        if user.has_perm("tickets.work_ticket"):
            return cls("agent", user.pk)
        raise PermissionError(f"user {user.pk} works no disputes")

    @property
    def label(self) -> str:
        return f"staff:{self.user_id}" if self.is_staff else self.role

    @property
    def is_staff(self) -> bool:
        return self.role in ("agent", "supervisor")
