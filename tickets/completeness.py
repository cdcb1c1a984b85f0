"""Which proof each kind of dispute needs. Decided by rule at receipt, never by an agent's mood."""

from collections.abc import Iterable

PAYMENT = frozenset({"payment_screenshot", "bank_deduction_record"})
ACCOUNT = frozenset({"account_screenshot"})
ACCOUNT_OR_OPERATOR = frozenset({"account_screenshot", "operator_record"})
ANY = frozenset(
    {
        "payment_screenshot",
        "bank_deduction_record",
        "account_screenshot",
        "operator_record",
        "chat_log",
        "other",
    }
)

#: For each category the groups of which at least one file each is needed.
REQUIRED: dict[str, tuple[frozenset[str], ...]] = {
    "non_arrival": (PAYMENT,),
    "wrong_account": (PAYMENT,),
    "duplicate_charge": (PAYMENT,),
    "wrong_amount": (PAYMENT, ACCOUNT_OR_OPERATOR),
    "card_code": (ACCOUNT,),
    "other": (ANY,),
}


def missing(category: str, kinds: Iterable[str]) -> list[frozenset[str]]:
    """This function will list the groups still unmet; any one kind of a group meets it."""
    present = set(kinds)
    return [group for group in REQUIRED[category] if not group & present]


def is_complete(category: str, kinds: Iterable[str]) -> bool:
    return not missing(category, kinds)
