"""The catalogue of mistakes fits the source it spoils; `./run bench mutants` tries each of them."""

import ast
from pathlib import Path

import pytest

from tests.mutants.catalogue import find_mutants, list_mutants
from tests.mutants.mutant import ROOT, Edit, Mutant, NoSuchPlace
from tests.mutants.page import PAGE, render

every_mutant = pytest.mark.parametrize("mutant", list_mutants(), ids=lambda mutant: mutant.name)


@every_mutant
def test_it_changes_something_and_what_it_leaves_is_still_python(
    mutant: Mutant, tmp_path: Path
) -> None:
    for path in {edit.path for edit in mutant.edits}:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text((ROOT / path).read_text("utf-8"), "utf-8")
    for edit in mutant.edits:
        edit.apply(tmp_path)
    for path in {edit.path for edit in mutant.edits}:
        spoiled = ast.dump(ast.parse((tmp_path / path).read_text("utf-8")))
        assert spoiled != ast.dump(ast.parse((ROOT / path).read_text("utf-8")))


@every_mutant
def test_the_tests_that_shall_notice_it_are_there(mutant: Mutant) -> None:
    assert mutant.tests
    for test in mutant.tests:
        path, *names = test.split("[")[0].split("::")
        scope: list[ast.stmt] = ast.parse((ROOT / path).read_text("utf-8")).body
        for name in names:
            found = [
                node
                for node in scope
                if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name
            ]
            assert found, f"{test}: there is no {name}"
            scope = found[0].body


def test_names_tell_them_apart() -> None:
    names = [mutant.name for mutant in list_mutants()]
    assert len(names) == len(set(names))
    assert find_mutants("") == list_mutants()
    assert [mutant.name for mutant in find_mutants(names[0])] == [names[0]]


def test_the_page_lists_them_all() -> None:
    assert PAGE.read_text("utf-8") == render(), "python -m tests.mutants writes it"


def test_a_place_that_is_not_there_is_said(tmp_path: Path) -> None:
    (tmp_path / "here.py").write_text("a = 1\nb = 1\n", "utf-8")
    for before in ("c = 1", "= 1"):
        with pytest.raises(NoSuchPlace, match=r"here\.py"):
            Edit("here.py", before, "").apply(tmp_path)
