"""What a file of proof really is, whatever it is called. Bytes in, facts and a clean copy out; no
database and no disk here."""

import io
import struct
import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from pi_heif import register_heif_opener
from PIL import ExifTags, Image, ImageOps

register_heif_opener()

#: More than the 48-megapixel photos of telephones; decoded that is 150 MB of memory.
MAX_PIXELS = 50_000_000
PREVIEW_SIDE = 1600
#: A long screenshot squeezed into 1600 px could not be read any more.
LONG_SCREENSHOT_RATIO = 3
LONG_SCREENSHOT_BOX = (1080, 10_000)

#: One picture at a time per process: a decoded one may take MAX_PIXELS * 4 bytes.
_decoding = threading.BoundedSemaphore(1)

PILLOW_FORMATS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/heic": "HEIF",
}
EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/heic": "heic",
    "application/pdf": "pdf",
}
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
#: What no photograph holds, but what a browser or a server would run.
ACTIVE_CONTENT = (b"<script", b"<!doctype html", b"<html", b"<svg ", b"<?php")

BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    RuntimeError,
    OverflowError,
    struct.error,
)


class UnableToRead(Exception):
    """The bytes are no proof we can keep; `code` says why and `limit` by how much."""

    def __init__(self, code: str, message: str, limit: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.limit = limit


@dataclass(frozen=True)
class Proof:
    """What was found in the bytes; ``preview`` is empty for PDF."""

    content_type: str
    preview: bytes = b""
    width: int | None = None
    height: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def extension(self) -> str:
        return EXTENSIONS[self.content_type]


def read_proof(data: bytes) -> Proof:
    """This function will judge bytes by their content and make a copy fit for the screen.

    The copy is a JPEG of at most 1600 px, upright, without EXIF, position, comments or anything
    else that rode along.

    :raises UnableToRead: naming what is wrong, with the limit.
    """
    content_type = find_type(data)
    if content_type is None:
        raise UnableToRead(
            "wrong_type",
            _(
                "What is in this file is none of JPG, PNG, WebP, HEIC or PDF, whatever its name "
                "says. Please take a screenshot and upload that."
            ),
            "jpg, png, webp, heic, pdf",
        )
    if is_two_in_one(data, content_type):
        raise UnableToRead(
            "two_in_one",
            _("A second file is hidden in this file. Please take a screenshot and upload that."),
        )
    if content_type == "application/pdf":
        check_pdf(data)
        return Proof(content_type)
    return _read_picture(data, content_type)


def find_type(data: bytes) -> str | None:
    """This function will name the type by the first bytes; None for what we do not take."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS:
        return "image/heic"
    if data.startswith(b"%PDF-"):
        return "application/pdf"
    return None


def is_two_in_one(data: bytes, content_type: str) -> bool:
    """This function will notice files that are something else as well (polyglots).

    A photo may carry a film after its end (motion photos) and a PDF may hold markup inside; a ZIP
    at the end, or a page for a browser inside a photo, has no honest reason.
    """
    if _ends_as_zip(data):
        return True
    searched = data[:1024] if content_type == "application/pdf" else data
    lowered = searched.lower()
    if any(mark in lowered for mark in ACTIVE_CONTENT):
        return True
    if content_type == "application/pdf":
        return False
    return b"%PDF-" in data and b"%%EOF" in data[-2048:]


def _ends_as_zip(data: bytes) -> bool:
    """A ZIP is read from its end: a record of 22 bytes and a comment whose length must fit."""
    tail = data[-(22 + 65535) :]
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        return False
    (comment_length,) = struct.unpack("<H", tail[at + 20 : at + 22])
    return bool(comment_length <= len(tail) - at - 22)


def check_pdf(data: bytes) -> None:
    """A PDF is kept and offered to staff as a file, never opened here: head and end must be whole.

    :raises UnableToRead: the end is missing or something follows it.
    """
    end = data.rfind(b"%%EOF", -2048)
    if end < 0:
        raise UnableToRead("damaged", _("This PDF is cut off or damaged: its end is missing."))
    if data[end + 5 :].strip(b"\r\n\t \x00"):
        raise UnableToRead(
            "two_in_one",
            _("A second file is hidden in this file. Please take a screenshot and upload that."),
        )


def _read_picture(data: bytes, content_type: str) -> Proof:
    try:
        with _decoding, Image.open(io.BytesIO(data), formats=[PILLOW_FORMATS[content_type]]) as im:
            width, height = im.size
            if width * height > MAX_PIXELS:
                raise _too_many_pixels(width, height)
            facts = read_facts(im)
            return Proof(content_type, make_preview(im), width, height, facts)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error
    except BROKEN as error:
        raise UnableToRead(
            "damaged",
            _("This picture cannot be opened: it is cut off or damaged. Please upload it again."),
        ) from error


def _too_many_pixels(width: int = 0, height: int = 0) -> UnableToRead:
    limit = MAX_PIXELS // 1_000_000
    if width:
        message = _(
            "The picture has %(width)s x %(height)s pixels (%(count)s megapixels); at most "
            "%(limit)s megapixels are possible. Please take a screenshot and upload that."
        ) % {"width": width, "height": height, "count": width * height // 10**6, "limit": limit}
    else:
        message = _("The picture has too many pixels; at most %(limit)s megapixels are possible.")
        message %= {"limit": limit}
    return UnableToRead("too_many_pixels", message, str(MAX_PIXELS))


def make_preview(im: Image.Image) -> bytes:
    """This function will draw the picture anew, so that nothing but its pixels comes along."""
    width, height = im.size
    ratio = max(width, height) / max(min(width, height), 1)
    box = (PREVIEW_SIDE, PREVIEW_SIDE)
    if ratio > LONG_SCREENSHOT_RATIO:
        box = LONG_SCREENSHOT_BOX if height > width else LONG_SCREENSHOT_BOX[::-1]
    im.draft("RGB", (box[0] * 2, box[1] * 2))
    upright = ImageOps.exif_transpose(im)
    if (upright.width > upright.height) != (width > height):
        box = box[::-1]
    upright.thumbnail(box)
    clean = Image.new("RGB", upright.size, "white")
    rgba = upright.convert("RGBA")
    clean.paste(rgba, mask=rgba.getchannel("A"))
    out = io.BytesIO()
    clean.save(out, "JPEG", quality=85, optimize=True)
    return out.getvalue()


def read_facts(im: Image.Image) -> dict[str, Any]:
    """This function will read what speaks for or against a picture: clues, never proof."""
    exif = im.getexif()
    details = exif.get_ifd(ExifTags.IFD.Exif)
    facts: dict[str, Any] = {
        "has_position": bool(exif.get_ifd(ExifTags.IFD.GPSInfo)),
        "taken_at": _instant(
            details.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime),
            details.get(ExifTags.Base.OffsetTimeOriginal),
        ),
        "software": _plain(exif.get(ExifTags.Base.Software) or im.info.get("Software")),
        "camera": _plain(
            f"{exif.get(ExifTags.Base.Make) or ''} {exif.get(ExifTags.Base.Model) or ''}"
        ),
        "width": im.width,
        "height": im.height,
    }
    return {name: value for name, value in facts.items() if value not in (None, "")}


def _instant(value: object, offset: object) -> str:
    """The camera's own clock, as it says: ISO 8601, with the zone only where the file has one."""
    try:
        taken = datetime.strptime(_plain(value), "%Y:%m:%d %H:%M:%S").isoformat()  # noqa: DTZ007
    except ValueError:
        return ""
    zone = _plain(offset)
    return taken + zone if len(zone) == 6 and zone[0] in "+-" else taken


def _plain(value: object) -> str:
    if value is None:
        return ""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return "".join(c for c in text if c.isprintable()).strip()[:100]
