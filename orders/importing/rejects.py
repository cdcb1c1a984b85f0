"""The file of rejected rows: what is wrong, then the row as it was, ready to be mended and
imported again."""

import csv
from pathlib import Path
from typing import Any

from orders.importing.rows import Reject

#: Names of our own columns. They mean nothing to an import, so the file can be imported as it is.
HEADERS = ["_line", "_column", "_code", "_reason"]
#: A cell that starts so is a formula to Excel; the importer takes the apostrophe off again.
FORMULA = ("=", "+", "-", "@")


def write_rejects(path: Path, headers: list[str], rejects: list[Reject]) -> None:
    """This function will write the rejects for Excel (UTF-8 with BOM), readable by the owner."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    with path.open("w", encoding="utf-8-sig", errors="replace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*HEADERS, *headers])
        for reject in rejects:
            columns, codes, reasons = ("; ".join(part) for part in zip(*reject.errors, strict=True))
            cells = [show(cell) for cell in reject.row.cells]
            writer.writerow([reject.row.line, columns, codes, reasons, *cells])


def show(cell: Any) -> str:
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(FORMULA) else text
