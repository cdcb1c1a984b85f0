"""Every mutant there is, by the part of the desk that it spoils."""

from tests.mutants.money import MONEY
from tests.mutants.mutant import Mutant
from tests.mutants.timers import TIMERS

CATALOGUE: dict[str, tuple[Mutant, ...]] = {"Money": MONEY, "Timers": TIMERS}


def list_mutants() -> list[Mutant]:
    return [mutant for part in CATALOGUE.values() for mutant in part]


def find_mutants(words: str) -> list[Mutant]:
    """This function will choose by comma-separated parts of names; by nothing, all of them."""
    wanted = [word.strip() for word in words.split(",") if word.strip()]
    chosen = [m for m in list_mutants() if not wanted or any(word in m.name for word in wanted)]
    return chosen
