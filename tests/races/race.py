"""What a race is, and how it is run: everybody waits at one gate, then all go at once."""

import random
import threading
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from django.db import connection

from orders.refusals import Refused
from tests.stories import Desk

GATE_S = 60
#: How much later whoever came first starts the next time, and how much of a start is chance.
STEP_S, CHANCE_S = 0.02, 0.01
MOST_S = 1.0

Act = Callable[[], Any]


class Race(ABC):
    """One kind of race. A new one is made for each run of it."""

    name: str

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    @abstractmethod
    def prepare(self) -> None:
        """Bring everything to the point where it is decided who comes first."""

    @abstractmethod
    def racers(self) -> dict[str, Act]:
        """Who acts. What an act returns, or the refusal it raises, is kept under its name."""

    @abstractmethod
    def judge(self, results: dict[str, Any]) -> str:
        """Say who won (its name first), or fail: whatever the order, the end has to be right."""


class Starter:
    """Racers do not need equally long to their first lock. Whoever comes first starts a little
    later the next time: so the races are close ones, and each comes first now and then."""

    def __init__(self, seed: object) -> None:
        self._chance = random.Random(str(seed))
        self._late_by_s: dict[str, float] = defaultdict(float)

    def choose(self, name: str) -> float:
        return self._late_by_s[name] + self._chance.uniform(0, CHANCE_S)

    def note(self, names: Iterable[str], winner: str) -> None:
        """This function will learn from a race; ``winner`` begins with who came first."""
        for name in names:
            step_s = STEP_S if winner.startswith(name) else -STEP_S
            self._late_by_s[name] = min(max(self._late_by_s[name] + step_s, 0.0), MOST_S)


def run_race(race: Race, starter: Starter) -> str:
    """This function will run one race and return who won.

    :raises AssertionError: the end is not right, or somebody broke off, in a deadlock say.
    """
    race.prepare()
    racers = race.racers()
    gate, results = threading.Barrier(len(racers)), dict[str, Any]()
    threads = [
        threading.Thread(target=_go, args=(name, act, gate, starter.choose(name), results))
        for name, act in racers.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, result in results.items():
        if isinstance(result, BaseException) and not isinstance(result, Refused):
            raise AssertionError(f"{race.name}: {name} broke off") from result
    winner = race.judge(results)
    starter.note(racers, winner)
    return winner


def _go(
    name: str, act: Act, gate: threading.Barrier, late_by_s: float, results: dict[str, Any]
) -> None:
    try:
        connection.ensure_connection()
        gate.wait(GATE_S)
        time.sleep(late_by_s)
        results[name] = act()
    except BaseException as error:
        results[name] = error
    finally:
        connection.close()
