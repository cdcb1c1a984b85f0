"""A table as a CSV that Excel opens as it is: UTF-8 with its mark, and no cell that computes."""

import csv
import io
from collections.abc import Iterable
from urllib.parse import quote

from django.http import HttpResponse

#: A cell that begins with one of these is a formula to some spreadsheet.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def as_sheet(name: str, header: Iterable[object], rows: Iterable[Iterable[object]]) -> HttpResponse:
    """This function will answer with a file ``name``.csv."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([escape(cell) for cell in header])
    writer.writerows([escape(cell) for cell in row] for row in rows)
    response = HttpResponse(
        text.getvalue().encode("utf-8-sig"), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}.csv"
    return response


def escape(cell: object) -> object:
    """This function will keep text from being computed; numbers stay numbers."""
    if cell is None:
        return ""
    if isinstance(cell, int | float):
        return cell
    text = str(cell)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text
