"""Is everything a person reads translated? `python -m tests.translations` lists what is not;
`python -m tests.translations compile` writes the .mo files (no gettext needed)."""

import ast
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polib
import unfold

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "locale"
OURS = ("helpdesk", "orders", "tickets", "templates")
# gettext's functions, and at which argument the message stands: context, singular, plural.
CALLS = {
    "_": (None, 0, None),
    "gettext": (None, 0, None),
    "gettext_lazy": (None, 0, None),
    "gettext_noop": (None, 0, None),
    "ngettext": (None, 0, 1),
    "ngettext_lazy": (None, 0, 1),
    "pgettext": (0, 1, None),
    "pgettext_lazy": (0, 1, None),
    "npgettext": (0, 1, 2),
    "npgettext_lazy": (0, 1, 2),
}
LITERAL = r"u?(?:'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\")"
# The admin's skin brings no Chinese of its own; the parts of it that are not installed don't count.
SKIN = Path(unfold.__file__).parent
UNUSED_PARTS_OF_THE_SKIN = re.compile(r"/unfold_crispy/|/unfold/contrib/(?!filters/|forms/)")
SHOWN = 40
IN_TEMPLATE = re.compile(rf"\b(_|n?p?gettext)\(\s*((?:{LITERAL}\s*,?\s*)+)")


@dataclass(frozen=True)
class Message:
    text: str
    context: str | None
    is_plural: bool
    place: str

    @property
    def key(self) -> "str | tuple[str, int]":
        text = f"{self.context}\x04{self.text}" if self.context else self.text
        return (text, 0) if self.is_plural else text


def main(arguments: list[str]) -> int:
    if arguments == ["compile"]:
        for path in LOCALE.glob("*/LC_MESSAGES/*.po"):
            polib.pofile(str(path)).save_as_mofile(str(path.with_suffix(".mo")))
        return 0
    problems = list(find_problems())
    for problem in problems[:SHOWN]:
        print(problem)
    if len(problems) > SHOWN:
        print(f"... and {len(problems) - SHOWN} more")
    print(f"{len(problems)} strings lack their Chinese." if problems else "All is translated.")
    return 1 if problems else 0


def find_problems() -> Iterator[str]:
    """This function will yield one line for each string that a reader of Chinese would meet in
    English, from the compiled catalogues that are shipped."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "helpdesk.settings")
    import django

    django.setup()
    from django.utils.translation import trans_real

    catalogue = trans_real.translation("zh-hans")._catalog
    seen = set()
    for message in find_messages([*(ROOT / name for name in OURS), SKIN]):
        if message.key not in seen and not catalogue.get(message.key):
            yield f"{message.place}: {message.text!r}"
        seen.add(message.key)
    yield from find_stale_catalogues()


def find_messages(folders: Iterable[Path]) -> Iterator[Message]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if UNUSED_PARTS_OF_THE_SKIN.search(path.as_posix()):
                continue
            if path.suffix == ".py":
                yield from messages_of_python(path)
            elif path.suffix in (".html", ".txt"):
                yield from messages_of_template(path)


def find_stale_catalogues() -> Iterator[str]:
    for path in sorted(LOCALE.glob("*/LC_MESSAGES/*.po")):
        source = polib.pofile(str(path))
        unfinished = source.untranslated_entries() + source.fuzzy_entries()
        for entry in unfinished:
            yield f"{path.relative_to(ROOT)}:{entry.linenum}: {entry.msgid!r} untranslated or fuzzy"
        compiled = path.with_suffix(".mo")
        if not compiled.exists() or contents(polib.mofile(str(compiled))) != contents(source):
            yield f"{compiled.relative_to(ROOT)} is stale: python -m tests.translations compile"


def contents(catalogue: Iterable[polib._BaseEntry]) -> set[object]:
    return {
        (entry.msgctxt or None, entry.msgid, entry.msgstr, tuple(entry.msgstr_plural.values()))
        for entry in catalogue
        if not getattr(entry, "obsolete", False)
    }


def messages_of_python(path: Path) -> Iterator[Message]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = getattr(function, "id", None) or getattr(function, "attr", "")
        texts = [arg.value if isinstance(arg, ast.Constant) else None for arg in node.args]
        yield from message_of_call(name, texts, f"{shown(path)}:{node.lineno}")


def messages_of_template(path: Path) -> Iterator[Message]:
    from django.utils.translation.template import templatize

    source = path.read_text(encoding="utf-8")
    if "trans" not in source and "_(" not in source:
        return
    for name, arguments in IN_TEMPLATE.findall(templatize(source, origin=str(path))):
        texts = list(ast.literal_eval(f"({arguments.rstrip().rstrip(',')},)"))
        yield from message_of_call(name, texts, shown(path))


def message_of_call(name: str, texts: list[object], place: str) -> Iterator[Message]:
    if name not in CALLS:
        return
    context, singular, plural = CALLS[name]
    if len(texts) <= singular or not isinstance(texts[singular], str) or not texts[singular]:
        return
    said = texts[context] if context is not None else None
    yield Message(
        text=str(texts[singular]),
        context=str(said) if said else None,
        is_plural=plural is not None,
        place=place,
    )


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
