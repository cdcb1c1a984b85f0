"""`python -m tests.mutants`: write docs/mutants.md from the catalogue."""

from tests.mutants.page import PAGE, render

PAGE.write_text(render(), encoding="utf-8")
