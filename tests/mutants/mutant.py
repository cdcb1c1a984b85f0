"""What a mutant is. The catalogue is in tests.mutants.catalogue, bench.mutants runs it."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


class NoSuchPlace(Exception):
    """The source is not what the mutant was written for; it has to be written again."""


@dataclass(frozen=True)
class Edit:
    """One place in one file. ``before`` occurs in it exactly once."""

    path: str
    before: str
    after: str

    def apply(self, root: Path) -> None:
        """This function will make the change in a copy of the project.

        :raises NoSuchPlace: what it changes is not there exactly once.
        """
        file = root / self.path
        text = file.read_text(encoding="utf-8")
        if (count := text.count(self.before)) != 1:
            raise NoSuchPlace(f"{self.path} has {count} times: {self.before!r}")
        file.write_text(text.replace(self.before, self.after), encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class Mutant:
    #: As a person would call it; its name in docs/mutants.md and on the command line.
    name: str
    #: What would go wrong in a shop.
    harm: str
    edits: tuple[Edit, ...]
    #: pytest's node ids; at least one of them has to fail.
    tests: tuple[str, ...]
    #: Races show on PostgreSQL alone: SQLite lets one writer in at a time, whatever we do.
    postgresql: bool = False

    @property
    def makes_its_database(self) -> bool:
        return self.postgresql or any("/migrations/" in edit.path for edit in self.edits)
