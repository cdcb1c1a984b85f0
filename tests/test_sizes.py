"""The tail is what hurts: long functions and long files are kept rare, none gets out of hand."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
PRODUCT, TOOLS = ("helpdesk", "orders", "tickets"), ("simulator",)
FILES = sorted(
    path
    for app in PRODUCT + TOOLS
    for path in (ROOT / app).rglob("*.py")
    if "migrations" not in path.parts
)


def ninetieth(sizes: list[int]) -> int:
    return sorted(sizes)[int(len(sizes) * 0.9)]


def test_files_stay_short() -> None:
    sizes = {path: path.read_text(encoding="utf-8").count("\n") for path in FILES}
    of_product = [n for path, n in sizes.items() if path.relative_to(ROOT).parts[0] in PRODUCT]
    assert ninetieth(of_product) <= 200
    assert {str(path.relative_to(ROOT)): n for path, n in sizes.items() if n > 400} == {}


def test_functions_stay_short() -> None:
    sizes = {
        f"{path.relative_to(ROOT)}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert ninetieth(list(sizes.values())) <= 30
    assert {name: n for name, n in sizes.items() if n > 60} == {}
