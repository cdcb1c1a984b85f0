"""The published promise: the version in force with its numbers, what is coming, what was."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from helpdesk import clock
from orders.models import RuleVersion
from tickets.completeness import REQUIRED
from tickets.forms import CARDS
from tickets.models import Evidence, Ticket
from tickets.policies import get_policy
from tickets.policy import Policy
from tickets.policy_reader import read_policy


@dataclass(frozen=True)
class Block:
    """A heading or a paragraph of a text."""

    text: str
    is_heading: bool


@require_safe
def rules(request: HttpRequest) -> HttpResponse:
    now = clock.now()
    versions = list(RuleVersion.objects.order_by("-effective_at"))
    current = next((version for version in versions if version.effective_at <= now), None)
    row = get_policy()
    context = {
        "row": row,
        "now": now,
        "proofs": list_proofs(),
        "current": current,
        "blocks": read_blocks(current) if current else [],
        "coming": [version for version in versions if version.effective_at > now][::-1],
        "past": [v for v in versions if v.effective_at <= now and v != current],
        **rule_values(read_policy(row.body)),
    }
    return render(request, "tickets/rules.html", context)


@require_safe
def rules_version(request: HttpRequest, version: str) -> HttpResponse:
    """One version for good: an order that was bought under it is judged by it."""
    found = RuleVersion.objects.filter(version=version).first()
    if found is None:
        # Shops name versions of their own as well.
        messages.info(request, _("There is no version of that name here. These are published:"))
        return redirect("rules")
    now = clock.now()
    later = RuleVersion.objects.filter(effective_at__gt=found.effective_at).order_by("effective_at")
    context = {
        "rules": found,
        "blocks": read_blocks(found),
        "is_coming": found.effective_at > now,
        "until": later.values_list("effective_at", flat=True).first(),
        "now": now,
    }
    return render(request, "tickets/rules_version.html", context)


def read_blocks(rules: RuleVersion) -> list[Block]:
    """This function will part a text into headings (# first) and paragraphs (empty lines)."""
    text = rules.text_en if get_language() == "en" else rules.text_zh
    blocks = []
    for paragraph in text.replace("\r\n", "\n").split("\n\n"):
        words = paragraph.strip()
        if words:
            is_heading = words.startswith("#")
            blocks.append(Block(words.lstrip("# ") if is_heading else words, is_heading))
    return blocks


def list_proofs() -> list[tuple[object, list[list[str]], bool]]:
    """This function will list what makes the proof complete, by category."""
    kinds = dict(Evidence.Kind.choices)
    return [
        (
            CARDS[Ticket.Category(category)][0],
            [sorted(str(kinds[kind]) for kind in group) for group in groups],
            len(groups[0]) == len(kinds),
        )
        for category, groups in REQUIRED.items()
    ]


def rule_values(policy: Policy) -> dict[str, object]:
    return {
        "promise": policy.within("commitment"),
        "first_reply": policy.clocks["first_reply"],
        "referral": policy.within("referral"),
        "enforced_after": policy.within("commitment") - policy.enforce_lead,
        "auto_limit": policy.auto_refund_limit_fen,
        "auto_close": policy.within("auto_close"),
    }
