"""The end of the rehearsal: from here on the desk may refund alone, within its budgets."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from orders.models import ApiKey, Order, ShopProfile
from orders.refusals import Refused
from tickets.models import Ticket
from tickets.policies import get_policy, replace_policy
from tickets.policy_reader import MAX_FEN, read_policy
from tickets.setup import checklist
from tickets.shop_profile import change_profile, find_profile

#: Going live asks for them itself.
ASKED_FOR = "budgets"


class UnableToGoLive(Refused):
    """With every reason at once."""

    code = "not_ready"

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons


class InvalidBudget(Refused):
    code = "invalid_budget"
    http_status = 400


@dataclass(frozen=True)
class Live:
    since: datetime
    #: False where it was live already; budgets are changed all the same.
    is_new: bool


def find_obstacles(*, now: datetime) -> list[str]:
    """This function will name everything that keeps this desk from going live."""
    reasons = []
    if settings.DEMO:
        reasons.append(_("DEMO=1: this desk simulates its money. Set DEMO=0."))
    demo = Ticket.objects.filter(order__source=Order.Source.DEMO).count()
    if demo:
        reasons.append(_("Disputes of the demo shop: %(count)d.") % {"count": demo})
    orders = Order.objects.filter(source=Order.Source.DEMO).count()
    if orders:
        reasons.append(_("Orders of the demo shop: %(count)d.") % {"count": orders})
    accounts = sorted(demo_accounts())
    if accounts:
        reasons.append(_("Accounts of the demo: %(names)s.") % {"names": ", ".join(accounts)})
    if demo or orders or accounts:
        reasons.append(_("Start with an empty database (another HELPDESK_DATA or DATABASE_URL)."))
    for item in checklist(now=now):
        if not item.is_done and item.code != ASKED_FOR:
            reasons.append(
                _("%(title)s: %(fact)s. %(step)s")
                % {"title": item.title, "fact": item.fact, "step": item.next_step}
            )
    return reasons


def demo_accounts() -> set[str]:
    """Known by their keys: seed_demo gives each of its people one."""
    keys = ApiKey.objects.filter(name__startswith="demo-").select_related("user")
    return {key.user.username for key in keys if key.name == f"demo-{key.user.username}"}


def go_live(*, hour_fen: int, day_fen: int, actor_label: str, now: datetime) -> Live:
    """This function will end the rehearsal and set the budgets of the shop.

    Both at once or neither. Orders paid before `live_from` stay with people.

    :raises InvalidBudget: naming the limit that is wrong.
    :raises UnableToGoLive: with every obstacle.
    """
    check_budgets(hour_fen, day_fen)
    if reasons := find_obstacles(now=now):
        raise UnableToGoLive(reasons)
    was_live = find_profile().live_from is not None

    def change(profile: ShopProfile) -> None:
        profile.live_from = profile.live_from or now

    with transaction.atomic(durable=True):
        replace_budgets(hour_fen, day_fen, actor_label=actor_label, now=now, rehearsal=False)
        profile = change_profile(change, actor_label=actor_label, now=now)
    return Live(profile.live_from or now, is_new=not was_live)


def set_budgets(*, hour_fen: int, day_fen: int, actor_label: str, now: datetime) -> None:
    """This function will limit what the desk refunds alone; rehearsal stays as it is.

    :raises InvalidBudget: naming the limit that is wrong.
    """
    check_budgets(hour_fen, day_fen)
    replace_budgets(hour_fen, day_fen, actor_label=actor_label, now=now)


def check_budgets(hour_fen: int, day_fen: int) -> None:
    for name, fen in ((_("an hour"), hour_fen), (_("a day"), day_fen)):
        if not 0 < fen <= MAX_FEN:
            raise InvalidBudget(
                _("Budget for %(name)s: 1 to %(limit)d fen.") % {"name": name, "limit": MAX_FEN},
                field="budget",
            )
    if day_fen < hour_fen:
        raise InvalidBudget(_("The budget of a day is below that of an hour."), field="budget")


def replace_budgets(
    hour_fen: int, day_fen: int, *, actor_label: str, now: datetime, rehearsal: bool | None = None
) -> None:
    policy = read_policy(get_policy().body)
    body = policy.to_json() | {
        "auto_refund_budget_fen": {"hour": hour_fen, "day": day_fen},
        "rehearsal": policy.rehearsal if rehearsal is None else rehearsal,
    }
    replace_policy(code=policy.code, body=body, actor_label=actor_label, now=now)
