"""Rows out of a shop's file: CSV as Excel and shop systems write it, or .xlsx.

A line that cannot be read is a row with a `fault`, never the end of the file.
"""

import csv
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from django.utils.translation import gettext as _
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

MAX_BYTES = 200 * 1024 * 1024
#: A quoted cell may hold line breaks; a quote that is still open after this many is a stray one.
MAX_LINES_OF_A_CELL = 10
DELIMITERS = ",\t;|"
QUOTE = '"'


class UnableToRead(Exception):
    """The file as a whole is no table we know; the text says why."""


@dataclass(frozen=True)
class SheetRow:
    #: As the editor or Excel counts: the header is line 1.
    line: int
    cells: Sequence[Any]
    #: Why the line is no row; empty when it is one.
    fault: str = ""

    @property
    def is_blank(self) -> bool:
        return not self.fault and all(
            cell is None or str(cell).strip() == "" for cell in self.cells
        )


@dataclass(frozen=True)
class Sheet:
    headers: list[str]
    rows: list[SheetRow]
    #: What the file was read as, for people: "UTF-8", "GB18030", "xlsx".
    kind: str


def read_sheet(path: Path) -> Sheet:
    """This function will read a whole file; blank lines are left out.

    :raises UnableToRead: not a file we can read at all, or one without a header.
    """
    if not path.is_file():
        raise UnableToRead(_("There is no file %(path)s.") % {"path": path})
    if path.stat().st_size > MAX_BYTES:
        raise UnableToRead(_("The file is larger than %(mb)d MB.") % {"mb": MAX_BYTES >> 20})
    content = path.read_bytes()
    if content.startswith(b"PK\x03\x04"):
        kind, rows = "xlsx", list(read_xlsx(path))
    elif content.startswith(b"\xd0\xcf\x11\xe0"):
        raise UnableToRead(_("This is an old .xls workbook. Save it as .xlsx or as CSV."))
    else:
        kind, text = decode(content)
        rows = list(read_csv(text))
    rows = [row for row in rows if not row.is_blank]
    if not rows or rows[0].fault:
        raise UnableToRead(_("The file has no header line."))
    headers = [str(cell if cell is not None else "").strip() for cell in rows[0].cells]
    while headers and not headers[-1]:
        headers.pop()
    return Sheet(headers=headers, rows=[fit(row, len(headers)) for row in rows[1:]], kind=kind)


def decode(content: bytes) -> tuple[str, str]:
    """This function will find out how a text file is encoded; what stays unreadable is kept as
    lone surrogates, so that only its own line is lost."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16", content.decode("utf-16", errors="replace")
    content = content.removeprefix(b"\xef\xbb\xbf")
    foreign = [line for line in content.split(b"\n") if not line.isascii()]
    # Chinese in GB18030 is almost never valid UTF-8, so one broken line decides nothing.
    as_utf8 = sum(is_utf8(line) for line in foreign)
    kind, encoding = ("UTF-8", "utf-8") if 2 * as_utf8 >= len(foreign) else ("GB18030", "gb18030")
    return kind, content.decode(encoding, errors="surrogateescape")


def is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def read_csv(text: str) -> Iterator[SheetRow]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    delimiter = max(DELIMITERS, key=lines[0].count)
    at, width = 0, 0
    while at < len(lines):
        taken = lines_of_row(lines, at, delimiter, width)
        row = parse_row(lines[at : at + taken], at + 1, delimiter)
        if not width and not row.is_blank:
            width = len(row.cells)
        yield row
        at += taken


def lines_of_row(lines: list[str], at: int, delimiter: str, width: int) -> int:
    """This function will say how many lines the row at `at` spans: one, or more when a quoted cell
    holds line breaks. A stray quote must not swallow the rows after it."""
    quotes = lines[at].count(QUOTE)
    if quotes % 2 == 0:
        return 1
    for taken in range(2, MAX_LINES_OF_A_CELL + 1):
        quotes += lines[at + taken - 1].count(QUOTE) if at + taken <= len(lines) else 0
        if quotes % 2 == 0:
            row = parse_row(lines[at : at + taken], at + 1, delimiter)
            return taken if not row.fault and len(row.cells) == width else 1
    return 1


def parse_row(lines: list[str], line: int, delimiter: str) -> SheetRow:
    if any("\udc80" <= character <= "\udcff" for text in lines for character in text):
        raw = [text.encode("utf-8", errors="replace").decode() for text in lines]
        return SheetRow(line, raw, fault=_("The line has bytes that are no text."))
    try:
        parsed = list(csv.reader([f"{t}\n" for t in lines], delimiter=delimiter, strict=True))
    except csv.Error:
        parsed = []
    if len(parsed) != 1:
        return SheetRow(line, lines, fault=_("The quotes of the line do not match."))
    return SheetRow(line, parsed[0])


def read_xlsx(path: Path) -> Iterator[SheetRow]:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > 5 * MAX_BYTES:
                raise UnableToRead(_("The workbook unpacks to more than %(mb)d MB.")
                                   % {"mb": 5 * MAX_BYTES >> 20})  # fmt: skip
        book = load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError) as error:
        raise UnableToRead(_("This is no workbook that can be read.")) from error
    try:
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # some programs write a wrong extent
        for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
            yield SheetRow(number, cells)
    except ParseError as error:
        raise UnableToRead(_("This is no workbook that can be read.")) from error
    finally:
        book.close()


def fit(row: SheetRow, width: int) -> SheetRow:
    """This function will bring a row to the header's width; more cells than that are a fault."""
    if row.fault:
        return row
    cells = list(row.cells)
    if any(cell not in (None, "") for cell in cells[width:]):
        return SheetRow(
            row.line,
            cells,
            fault=_("The line has %(cells)d cells, the header has %(width)d.")
            % {"cells": len(cells), "width": width},
        )
    return SheetRow(row.line, (cells + [None] * width)[:width])
