"""docs/mutants.md, made of the catalogue."""

from collections.abc import Iterator

from tests.mutants.catalogue import CATALOGUE
from tests.mutants.mutant import ROOT, Mutant

PAGE = ROOT / "docs" / "mutants.md"
HEAD = """# Mistakes made on purpose

A test that cannot fail proves nothing. `./run bench mutants` makes each of these mistakes in a copy
of the project, one at a time, and runs the tests beside it there: at least one has to fail, by an
assertion and not because nothing runs any more. `--only WORDS` tries those whose name has the
words, `--quick` a few. The last full run is in `bench/results/mutants.json`.

This page is made by `python -m tests.mutants` from `tests/mutants/`, where the changes themselves
are; a test holds it against them, and every change against the source it changes. Races run on
PostgreSQL, everything else on SQLite.
"""


def render() -> str:
    return "\n".join([HEAD.rstrip(), *list_lines()]) + "\n"


def list_lines() -> Iterator[str]:
    for part, mutants in CATALOGUE.items():
        yield from ("", f"## {part}", "")
        yield from ("| mistake | what it would do in a shop | noticed by |", "|---|---|---|")
        yield from map(describe, mutants)


def describe(mutant: Mutant) -> str:
    tests = ", ".join(f"`{test.removeprefix('tests/')}`" for test in mutant.tests)
    return f"| {mutant.name} | {mutant.harm} | {tests} |"
