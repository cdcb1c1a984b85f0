"""Bytes of mails to text, whatever they claim to be written in."""

import re
from email.errors import HeaderParseError
from email.header import decode_header

#: What calls itself GB2312 or GBK is written by programs that know all of GB18030.
CHARSETS = dict.fromkeys(
    ("gb2312", "gb_2312-80", "gb2312-80", "gbk", "x-gbk", "cp936", "ms936", "windows-936", "hz"),
    "gb18030",
) | {"utf8": "utf-8", "utf-8-mac": "utf-8", "unicode-1-1-utf-7": "utf-7", "ansi_x3.4-1968": "ascii"}
#: Every byte means something in these: they are believed only where nothing stricter fits.
LAX = ("iso-8859-1", "latin-1", "latin1", "windows-1252", "cp1252", "unknown-8bit", "ascii")
#: What no text holds and no database takes, and marks that only hide.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufeff\u200b\u202a-\u202e]")


def decode_bytes(data: bytes, charset: str | None) -> str:
    """This function will read bytes as text: as declared, else as UTF-8, else as GB18030."""
    named = (charset or "").strip().strip("\"'").lower()
    named = CHARSETS.get(named, named)
    order = ["utf-8", named, "gb18030"] if named in (*LAX, "", "us-ascii") else [named, "utf-8"]
    for candidate in [*order, "gb18030"]:
        try:
            return clean(data.decode(candidate))
        except (LookupError, UnicodeError):
            continue
    return clean(data.decode("gb18030" if named == "gb18030" else "utf-8", "replace"))


def decode_value(value: str) -> str:
    """This function will read a header's value: encoded words, or raw bytes of an old program."""
    unfolded = re.sub(r"\r?\n[ \t]*", " ", value)
    if any("\udc80" <= character <= "\udcff" for character in unfolded):
        unfolded = decode_bytes(unfolded.encode("utf-8", "surrogateescape"), None)
    try:
        parts = decode_header(unfolded)
    except (HeaderParseError, ValueError):
        return clean(unfolded).strip()
    # Neighbouring words of one charset come as one piece: programs cut in the middle of a letter.
    text = "".join(
        decode_bytes(part, charset) if isinstance(part, bytes) else part for part, charset in parts
    )
    return re.sub(r"\s+", " ", clean(text)).strip()


def clean(text: str) -> str:
    """This function will make line ends one kind and take out what text does not hold."""
    return FORBIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
