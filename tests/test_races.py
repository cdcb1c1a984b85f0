"""Some races of each kind; `./run bench races` runs a thousand of each, on PostgreSQL."""

from collections import Counter

import pytest

from tests.races.money import RACES
from tests.races.race import Race, Starter, run_race
from tests.stories import Desk

pytestmark = pytest.mark.django_db(transaction=True)
RUNS = 12


@pytest.mark.parametrize("kind", RACES, ids=lambda kind: kind.name)
def test_whoever_comes_first_the_end_is_right(kind: type[Race], desk: Desk) -> None:
    starter = Starter(20261128)
    winners = Counter(run_race(kind(desk), starter) for _run in range(RUNS))
    assert winners.total() == RUNS
