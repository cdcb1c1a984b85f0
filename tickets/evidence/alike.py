"""Pictures that look alike, whatever was done to their bytes: a hint to compare, never a verdict.

A look is the picture in 32 x 32 grey cells. A screenshot sent through a chat, made smaller and
compressed again, changes no cell by more than 8 of 256 steps; another amount on the same payment
page changes one by 30 at least (measured; tests/tickets/test_alike.py).
"""

import base64
import io
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q
from PIL import Image

from tickets.models import Evidence

CELLS = 32
#: Between what compression changes in a cell and what another number does.
NEAR = 16
#: How far the mean of all cells, in hundredths of a step, moves by compression alone, doubled.
SHADE_NEAR = 100
#: A flat picture looks like every other flat one.
LEAST_CONTRAST = 40
#: The newest ones with about the same shade; older ones are found by their bytes alone.
LOOKED_AT = 300


@dataclass(frozen=True)
class Seen:
    """Where else a picture was seen: byte for byte, or alike."""

    number: str
    is_same: bool


def look_of(preview: bytes) -> tuple[str, int | None]:
    """This function will give a picture's look and its shade; none where it shows nothing."""
    with Image.open(io.BytesIO(preview), formats=["JPEG"]) as picture:
        small = picture.convert("L").resize((CELLS, CELLS), Image.Resampling.BOX)
    cells = small.tobytes()
    if max(cells) - min(cells) < LEAST_CONTRAST:
        return "", None
    return base64.b64encode(cells).decode(), sum(cells) * 100 // len(cells)


def looks_like(one: str, other: str) -> bool:
    if not one or not other:
        return False
    pairs = zip(base64.b64decode(one), base64.b64decode(other), strict=True)
    return all(abs(a - b) <= NEAR for a, b in pairs)


def find_seen(files: list[Evidence]) -> dict[UUID, list[Seen]]:
    """This function will find other disputes that hold one of these files, or one like it."""
    if not files:
        return {}
    wanted = Q(sha256__in={file.sha256 for file in files})
    for file in files:
        if file.shade is not None:
            wanted |= Q(shade__range=(file.shade - SHADE_NEAR, file.shade + SHADE_NEAR))
    others = (
        Evidence.objects.filter(wanted, ticket__isnull=False)
        .exclude(ticket__in={file.ticket_id for file in files})
        .order_by("-received_at")
        .values_list("sha256", "look", "ticket__number")[:LOOKED_AT]
    )
    found: dict[UUID, list[Seen]] = {}
    for sha256, look, number in others:
        for file in files:
            is_same = sha256 == file.sha256
            if is_same or looks_like(file.look, look):
                found.setdefault(file.pk, []).append(Seen(str(number), is_same))
    return found
