"""docs/states.md is a specification: what it draws is what the code does."""

import re
from pathlib import Path

from orders.models import Refund
from tickets.deadlines import BREACHING, PAUSABLE
from tickets.durations import parse_duration
from tickets.models import Deadline, Ticket
from tickets.policy import DEFAULT_POLICY
from tickets.promise import PROMISE
from tickets.sweep import HANDLERS
from tickets.transitions.arrows import ARROWS, LEVEL_ORDER

PAGE = (Path(__file__).parent.parent / "docs" / "states.md").read_text(encoding="utf-8")


def drawing(heading: str, *, index: int = 0) -> set[tuple[str, str]]:
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    body = re.findall(r"```mermaid\n(.*?)```", section, flags=re.DOTALL)[index]
    arrows = re.findall(r"^\s*(\w+) --> (\w+)", body, flags=re.MULTILINE)
    return {(start, end) for start, end in arrows}


def table() -> dict[str, list[str]]:
    rows = re.findall(r"^\| ([a-z_]+) \| (.+) \|$", PAGE, flags=re.MULTILINE)
    return {
        kind: [cell.strip() for cell in rest.split("|")] for kind, rest in rows if kind != "kind"
    }


def test_every_drawn_status_arrow_is_an_arrow_and_every_arrow_is_drawn() -> None:
    in_code = {(str(start), str(end)) for start, ends in ARROWS.items() for end in ends}
    assert drawing("A dispute") == in_code
    assert {status for arrow in in_code for status in arrow} == set(Ticket.Status.values)


def test_levels_are_drawn_as_they_rise() -> None:
    drawn = drawing("A dispute", index=1)
    assert all(LEVEL_ORDER.index(a) < LEVEL_ORDER.index(b) for a, b in drawn)
    assert {level for arrow in drawn for level in arrow} == set(Ticket.Level.values)


def test_deadline_states_are_all_drawn() -> None:
    assert {s for arrow in drawing("A deadline") for s in arrow} == set(Deadline.State.values)


def test_every_kind_of_deadline_is_in_the_table_and_fires_somewhere() -> None:
    assert set(table()) == set(Deadline.Kind.values) == {str(kind) for kind in HANDLERS}


def test_the_table_tells_which_clocks_pause_and_which_breach() -> None:
    for kind, (_clock, _default, pauses, breach, _fires) in table().items():
        assert (pauses == "yes") == (kind in PAUSABLE), kind
        assert (pauses == "never") == (kind in PROMISE), kind
        assert (breach == "yes") == (kind in BREACHING), kind


def test_the_table_tells_the_default_policy() -> None:
    lead = DEFAULT_POLICY.enforce_lead
    for kind, (clock, default, *_rest) in table().items():
        if kind == "commitment_enforcement":
            assert parse_duration(default) == DEFAULT_POLICY.within("commitment") - lead
            continue
        if kind == "external_case":
            # Outside bodies set their own times: tickets/outside_clocks.py.
            assert default == "-"
            assert kind not in DEFAULT_POLICY.clocks
            continue
        assert DEFAULT_POLICY.clocks[kind].clock == clock, kind
        assert DEFAULT_POLICY.within(kind) == parse_duration(default), kind


def test_refund_states_are_all_drawn() -> None:
    assert {s for arrow in drawing("A refund") for s in arrow} == set(Refund.State.values)
