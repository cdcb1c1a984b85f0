"""Who may do what: the groups of a desk and their rights."""

from django.contrib.auth.models import Group, Permission
from django.db import transaction

READ_ORDERS = [
    f"orders.view_{name}"
    for name in (
        "order", "orderevent", "outage", "payment", "refund", "refundcall", "ruleversion", "topup",
        "deliveryrecord",
    )
]  # fmt: skip
READ_DISPUTES = [
    f"tickets.view_{name}"
    for name in (
        "approval", "arrivalwatch", "banktransfer", "breach", "calendarday", "clockpause",
        "deadline", "draft", "event", "evidence", "externalcase", "factcheck", "inboundmail",
        "macro", "message", "notice", "referral", "servicepolicy", "shift",
        "staffedhours", "ticket", "webhookdelivery", "webhookendpoint",
    )
]  # fmt: skip
READ_BOOKS = [
    f"orders.view_{name}"
    for name in (
        "batchrow", "callback", "handsettlement", "ledgerentry", "moneyalarm", "recourse",
        "reconciliationdifference", "reconciliationrun", "refundbatch", "shopfault", "shopfeed",
    )
]  # fmt: skip
#: Rights of an agent: work disputes, for callers too, and deliver again. No record of a delivery:
#: one would end the customer's promise on the word of the very person who is late.
AGENT = [
    *READ_ORDERS,
    *READ_DISPUTES,
    "orders.add_topup",
    "tickets.add_ticket",
    "tickets.add_evidence",
    "tickets.work_ticket",
    "tickets.reveal_contact",
]
SUPERVISOR = [
    *AGENT,
    "orders.add_deliveryrecord",
    "orders.declare_outage",
    "orders.publish_rules",
    "orders.refund_batch",
    "orders.settle_refund_by_hand",
    "orders.sign_off_difference",
    *READ_BOOKS,
    "tickets.supervise_ticket",
    # Agents do not see which of their closures were drawn.
    "tickets.view_closurereview",
    "tickets.approve_transfer",
    "tickets.reveal_bank_details",
    "tickets.change_servicepolicy",
    *(f"tickets.{do}_webhookendpoint" for do in ("add", "change", "delete")),
    *(f"tickets.{do}_macro" for do in ("add", "change")),
    *(f"tickets.{do}_shift" for do in ("add", "change", "delete")),
    "auth.view_user",
]
#: A shop's program: brings orders and disputes, sets its policy, works no disputes.
SHOP = [
    *READ_ORDERS,
    *READ_DISPUTES,
    "orders.add_order",
    "orders.change_order",
    "orders.add_topup",
    "orders.add_deliveryrecord",
    "tickets.add_ticket",
    "tickets.add_evidence",
    "tickets.add_servicepolicy",
    "tickets.change_servicepolicy",
    *(f"tickets.{do}_webhookendpoint" for do in ("add", "change", "delete")),
]
#: Runs the desk: everything but taking things away.
ADMIN_APPS = ("orders", "tickets", "auth")
ADMIN_ALSO = (
    "orders.delete_apikey",
    *(
        f"tickets.delete_{name}"
        for name in ("calendarday", "shift", "staffedhours", "webhookendpoint")
    ),
)


class UnknownRight(Exception):
    """A right of the table is in no app: a table and a model have drifted apart."""


def set_up_roles() -> dict[str, int]:
    """This function will create the groups and give each the rights it lacks; rights that an
    operator added stay. Returns how many each was given.

    :raises UnknownRight: the table names a right that does not exist.
    """
    known = {
        f"{right.content_type.app_label}.{right.codename}": right
        for right in Permission.objects.select_related("content_type")
    }
    everything = [
        name
        for name in known
        if name.split(".")[0] in ADMIN_APPS and not name.split(".")[1].startswith("delete_")
    ]
    admin = [*everything, *ADMIN_ALSO]
    roles = {"agent": AGENT, "supervisor": SUPERVISOR, "admin": admin, "shop": SHOP}
    if missing := {name for names in roles.values() for name in names} - known.keys():
        raise UnknownRight(", ".join(sorted(missing)))
    with transaction.atomic():
        return {
            role: give_rights(role, [known[name] for name in names])
            for role, names in roles.items()
        }


def give_rights(role: str, rights: list[Permission]) -> int:
    group, _created = Group.objects.get_or_create(name=role)
    has = set(group.permissions.values_list("pk", flat=True))
    lacking = [right for right in rights if right.pk not in has]
    group.permissions.add(*lacking)
    return len(lacking)
