"""A desk to which anything may happen in any order, audited after every step.

The short profile runs with the suite, the same lives every time. `INVARIANTS=2000x50` lives that
many lives of that many steps with fresh luck and says the seeds; `INVARIANTS_SEED=...` says which
life is the first one. tests/life.py is what may happen, tests/invariants.py what must hold.
"""

import os
import random
from collections import Counter
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from hypothesis import HealthCheck, Phase, assume, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.invariants import check_database, check_watchdog
from tests.life import Life
from tests.stories import Desk, make_person

pytestmark = pytest.mark.django_db

#: What was reached, over all lives of a run.
reached: Counter[str] = Counter()


class Machine(Life, RuleBasedStateMachine):
    """A life whose luck is Hypothesis's. One rule: several would be switched off at random."""

    people: dict[str, User]

    def __init__(self) -> None:
        RuleBasedStateMachine.__init__(self)
        Life.__init__(self, self.people, reached)
        self.transaction = transaction.atomic()
        # As in Django's TestCase: the product's durable transactions may run inside.
        self.transaction._from_testcase = True  # type: ignore[attr-defined]
        self.transaction.__enter__()

    def choose(self, what: str, *values: Any) -> Any:
        return self.data.draw(st.sampled_from(values), label=what)

    # Hypothesis first tries the simplest of all lives, the same one for every seed.
    @initialize(luck=st.integers(0, 2**32), data=st.data())
    def is_born(self, luck: int, data: st.DataObject) -> None:
        assume(luck)
        self.data = data
        self.begin()

    @rule(data=st.data())
    def goes_on(self, data: st.DataObject) -> None:
        self.data = data
        happenings = self.happenings()
        names = [happening.__name__ for happening in happenings]
        getattr(self, self.choose("next", *names))()

    def teardown(self) -> None:
        try:
            check_watchdog()
            check_database()
        finally:
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)


def profile() -> tuple[range, settings]:
    """The seeds of the lives to live, and of how many steps each is."""
    given = "INVARIANTS" in os.environ
    lives, _x, steps = os.environ.get("INVARIANTS", "30x25").partition("x")
    first = int(os.environ.get("INVARIANTS_SEED", "0"))
    if given and not first:
        first = random.randrange(10**6) * 10_000
    chosen = settings(
        # One life per seed: a second one would only be the first with a step copied over another.
        max_examples=1,
        stateful_step_count=int(steps),
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink] if given else [Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    return range(first, first + int(lives)), chosen


@pytest.fixture
def people(desk: Desk) -> dict[str, User]:
    """Lin, Wang and Zhao, and two who may settle by hand."""
    return desk.people | {name: make_person(name, "admin") for name in ("root", "toor")}


def test_any_life_keeps_every_promise(people: dict[str, User], capsys) -> None:
    seeds, chosen = profile()
    machine = type("Machine", (Machine,), {"people": people})
    reached.clear()
    for life in seeds:
        try:
            run_state_machine_as_test(seed(life)(machine), settings=chosen)
        except BaseException as error:
            error.add_note(f"INVARIANTS=1x{chosen.stateful_step_count} INVARIANTS_SEED={life}")
            raise
    if "INVARIANTS" in os.environ:
        with capsys.disabled():
            print(f"\n{len(seeds)} lives from INVARIANTS_SEED={seeds.start}")
            print("\n".join(f"{count:8d} {what}" for what, count in reached.most_common()))
