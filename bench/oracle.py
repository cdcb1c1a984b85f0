"""Two books of the same money: what really moved, as the gateway simulator wrote it down, and what
the desk believes. Pure: books in, findings out."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.faultmix import PASSING, UNCERTAIN

#: What may be found, in the order of how bad it is. All of it is wanted to be none.
KINDS = (
    "paid more than once",
    "paid under more than one number",
    "paid and never wanted",
    "paid with another amount",
    "wanted and never paid",
    "called refused, and money moved",
    "called paid, and nothing moved",
    "money moved under a number that the desk does not know",
    "another amount or payment than the desk has",
    "called refused, and the channel never said so",
    "payments refunded beyond what was paid",
    "sums differ: payments",
    "sums differ: ledger",
    "sums differ: reservations",
    "the ledger contradicts itself",
    "reconcile finds a difference",
)
#: States that end a refund without a person having to do anything.
SETTLED = ("succeeded", "rejected")
#: Refusals that refuse nothing for good.
NOT_FINAL = {f"rejected:{code}" for code in (*PASSING.values(), *UNCERTAIN.values())}


@dataclass
class Findings:
    """Everything here but the counts of what happened must be empty or zero."""

    wrong: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    effects: int = 0
    effects_fen: int = 0
    #: Of it, what belongs to refunds that the desk has not settled: rightly not in its sums yet.
    unsettled_fen: int = 0
    states: Counter[str] = field(default_factory=Counter)

    def note(self, kind: str, what: str) -> None:
        self.wrong[kind].append(what)

    def count(self, kind: str) -> int:
        return len(self.wrong.get(kind, ()))


def compare(
    intended: Mapping[str, int],
    ours: Mapping[str, Any],
    theirs: Mapping[str, Sequence[Mapping[str, Any]]],
) -> Findings:
    """This function will hold what was wanted (payment -> fen) and the desk's refunds against the
    simulator's ledger.

    Of the desk's refunds an intent is one wish on one payment; it may have had several numbers,
    each but the last closed by its channel.
    """
    findings = Findings()
    refund_effects = [e for e in theirs["effects"] if str(e["target"]).endswith(".refund")]
    _weigh_intended(findings, intended, refund_effects)
    effects = _effects_by_number(refund_effects)
    intents: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for refund in ours["refunds"]:
        intents[refund["intent"]].append(refund)
    for refunds in intents.values():
        _weigh(findings, refunds, effects, theirs["calls"])
    _weigh_strays(findings, ours, effects)
    _weigh_sums(findings, ours)
    return findings


def _weigh_intended(
    findings: Findings, intended: Mapping[str, int], effects: Sequence[Mapping[str, Any]]
) -> None:
    """Without a word from the desk: each wish has its one effect, of its amount."""
    moved: dict[str, list[int]] = defaultdict(list)
    for effect in effects:
        moved[effect["trade_no"]].append(effect["amount_fen"])
    for trade_no, fen in intended.items():
        found = moved.pop(trade_no, [])
        if not found:
            findings.note("wanted and never paid", trade_no)
        elif len(found) > 1:
            findings.note("paid more than once", f"{trade_no}: {found}")
        elif found != [fen]:
            findings.note("paid with another amount", f"{trade_no}: {found} for {fen}")
    for trade_no, found in moved.items():
        findings.note("paid and never wanted", f"{trade_no}: {found}")


def _effects_by_number(
    effects: Sequence[Mapping[str, Any]],
) -> dict[str, list[Mapping[str, Any]]]:
    by_number: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for effect in effects:
        by_number[effect["number"]].append(effect)
    return by_number


def _weigh(
    findings: Findings,
    refunds: Sequence[Mapping[str, Any]],
    effects: Mapping[str, Sequence[Mapping[str, Any]]],
    calls: Sequence[Mapping[str, Any]],
) -> None:
    last = refunds[-1]
    findings.states[last["state"]] += 1
    moved = [effect for refund in refunds for effect in effects.get(refund["number"], ())]
    findings.effects += len(moved)
    findings.effects_fen += sum(effect["amount_fen"] for effect in moved)
    if len(moved) > 1:
        findings.note("paid under more than one number", last["number"])
    if last["state"] == "succeeded" and not moved:
        findings.note("called paid, and nothing moved", last["number"])
    if last["state"] == "rejected" and moved:
        findings.note("called refused, and money moved", last["number"])
    if last["state"] == "rejected" and not _was_refused(last["number"], calls):
        findings.note("called refused, and the channel never said so", last["number"])
    if last["state"] not in SETTLED:
        findings.unsettled_fen += sum(effect["amount_fen"] for effect in moved)
    for effect in moved:
        if (effect["amount_fen"], effect["trade_no"]) != (last["amount_fen"], last["trade_no"]):
            findings.note("another amount or payment than the desk has", last["number"])


def _was_refused(number: str, calls: Sequence[Mapping[str, Any]]) -> bool:
    said = {str(call["outcome"]) for call in calls if call["number"] == number}
    return any(outcome.startswith(("rejected:", "closed")) for outcome in said - NOT_FINAL)


def _weigh_strays(
    findings: Findings,
    ours: Mapping[str, Any],
    effects: Mapping[str, Sequence[Mapping[str, Any]]],
) -> None:
    for number in set(effects) - set(ours["known_numbers"]):
        findings.note("money moved under a number that the desk does not know", number)


def _weigh_sums(findings: Findings, ours: Mapping[str, Any]) -> None:
    moved = findings.effects_fen - findings.unsettled_fen
    if moved != ours["refunded_fen"]:
        both = f"{moved} fen moved, {ours['refunded_fen']} fen on the payments"
        findings.note("sums differ: payments", both)
    if ours.get("ledger_paid_fen", moved) != moved:
        both = f"{moved} fen moved, {ours['ledger_paid_fen']} fen in the ledger"
        findings.note("sums differ: ledger", both)
    held = sum(r["amount_fen"] for r in ours["refunds"] if r["state"] not in SETTLED)
    if held != ours["reserved_fen"]:
        both = f"{held} fen of live refunds, {ours['reserved_fen']} fen reserved"
        findings.note("sums differ: reservations", both)
    if ours["overdrawn"]:
        findings.note("payments refunded beyond what was paid", str(ours["overdrawn"]))
    for difference in ours.get("ledger_differences", ()):
        findings.note("the ledger contradicts itself", difference)
    for difference in ours.get("reconciled", {}).get("differences", ()):
        findings.note("reconcile finds a difference", difference)
