"""A mail's bytes to what is in them: who writes, about what, which words, which files."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import Message
from email.utils import getaddresses
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from tickets.mailroom.decoding import decode_bytes, decode_value
from tickets.mailroom.pages import to_text

MAX_PARTS = 200
MAX_DEPTH = 20
MESSAGE_ID = re.compile(r"<[^<>\s]{1,990}>")
CHINESE = re.compile("[\u3400-\u9fff]")
#: A picture inside the text that is smaller than this decorates a signature.
DECORATION = 10 * 1024


class UnableToParse(Exception):
    """No person's program wrote this: too many parts, or parts within parts within parts."""


@dataclass(frozen=True)
class Attachment:
    name: str
    content_type: str
    data: bytes
    #: Shown within the text, as pictures often are.
    is_inline: bool = False

    @property
    def is_decoration(self) -> bool:
        return self.is_inline and len(self.data) < DECORATION


@dataclass
class Letter:
    message: "Message[str, str]"
    message_id: str = ""
    sender: str = ""
    sender_name: str = ""
    subject: str = ""
    #: Message ids of what it answers, the nearest first.
    references: list[str] = field(default_factory=list)
    text: str = ""
    attachments: list[Attachment] = field(default_factory=list)

    @property
    def language(self) -> str:
        words = self.subject + self.text
        return "en" if re.search("[A-Za-z]{3}", words) and not CHINESE.search(words) else "zh-hans"

    def header(self, name: str) -> str:
        """This function will read a header's first value, or "" without one."""
        return next(iter(raw_values(self.message, name)), "")


def read_letter(raw: bytes) -> Letter:
    """This function will read a whole mail, or the head of one.

    :raises UnableToParse: it is built to be no letter.
    """
    message = message_from_bytes(raw, policy=policy.compat32)
    letter = Letter(message)
    letter.message_id = first_id(letter.header("Message-ID"))
    letter.subject = decode_value(letter.header("Subject"))[:300]
    letter.sender, letter.sender_name = read_sender(raw_values(message, "From"))
    answered = MESSAGE_ID.findall(letter.header("In-Reply-To"))
    earlier = MESSAGE_ID.findall(letter.header("References"))
    letter.references = list(dict.fromkeys([*answered, *reversed(earlier)]))[:100]
    read_parts(message, letter)
    return letter


def raw_values(message: "Message[str, str]", name: str) -> list[str]:
    return [str(v) for key, v in message.raw_items() if key.lower() == name.lower()]


def first_id(value: str) -> str:
    found = MESSAGE_ID.search(value)
    return found[0] if found else ""


def read_sender(values: list[str]) -> tuple[str, str]:
    """This function will name the one who writes; several, or none, is nobody.

    Two From lines are how one pretends to be another: mail programs differ on which they show.
    """
    addresses = getaddresses([ascii_only(value) for value in values])
    if len(values) != 1 or len(addresses) != 1:
        return "", ""
    name, address = addresses[0]
    address = address.strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        return "", ""
    shown = re.sub(r"\s*<[^<>]*>\s*$", "", decode_value(values[0])).strip(" \"'")
    return address[:254], (decode_value(name) or ("" if "@" in shown else shown))[:100]


def ascii_only(value: str) -> str:
    """Names in raw bytes would confuse the reading of addresses; they are read apart."""
    return value.encode("ascii", "replace").decode("ascii")


def read_parts(message: "Message[str, str]", letter: Letter) -> None:
    texts = []
    for count, part in enumerate(walk(message), start=1):
        if count > MAX_PARTS:
            raise UnableToParse(f"more than {MAX_PARTS} parts")
        if is_text(part):
            texts.append(part_text(part))
        elif (attachment := read_attachment(part)) is not None:
            letter.attachments.append(attachment)
    letter.text = "\n\n".join(filter(None, texts)).strip()


def walk(part: "Message[str, str]", depth: int = 0) -> Iterator["Message[str, str]"]:
    """This function will yield the parts that carry something; of alternatives the plainest.

    A mail inside the mail is a file, not more of the same.
    """
    if depth > MAX_DEPTH:
        raise UnableToParse(f"parts more than {MAX_DEPTH} deep")
    if not part.is_multipart() or part.get_content_maintype() == "message":
        yield part
        return
    inner: Any = part.get_payload()
    if part.get_content_subtype() != "alternative":
        for child in inner:
            yield from walk(child, depth + 1)
        return
    options = [list(walk(child, depth + 1)) for child in inner]
    speaking = [option for option in options if any(part_text(p) for p in option if is_text(p))]
    plain = [o for o in speaking if any(p.get_content_type() == "text/plain" for p in o)]
    chosen = (plain or speaking or options or [[]])[0]
    yield from chosen
    for option in options:
        if option is not chosen:
            # Pictures that belong to the page are proof too, whichever wording is read.
            yield from (p for p in option if not is_text(p))


def is_text(part: "Message[str, str]") -> bool:
    """Parts that say they have parts, but have none, are text of a broken program."""
    readable = part.get_content_type() in ("text/plain", "text/html")
    return (readable or part.get_content_maintype() == "multipart") and not is_file(part)


def is_file(part: "Message[str, str]") -> bool:
    return part.get_content_disposition() == "attachment" or bool(file_name(part))


def part_text(part: "Message[str, str]") -> str:
    text = decode_bytes(payload_of(part), part.get_content_charset())
    return to_text(text) if part.get_content_type() == "text/html" else text.strip()


def payload_of(part: "Message[str, str]") -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def file_name(part: "Message[str, str]") -> str:
    try:
        name = part.get_filename()
    except (LookupError, TypeError, UnicodeError, ValueError):
        # Parameters that continue each other and contradict each other.
        return "file"
    return decode_value(str(name))[:200] if name else ""


def read_attachment(part: "Message[str, str]") -> Attachment | None:
    content_type = part.get_content_type()
    if part.get_content_maintype() == "message":
        inner: Any = part.get_payload()
        data = b"".join(p.as_bytes() for p in inner) if part.is_multipart() else b""
        return Attachment(file_name(part) or "message.eml", content_type, data)
    data = payload_of(part)
    if not data:
        return None
    inline = part.get_content_disposition() == "inline" or bool(part.get("Content-ID"))
    return Attachment(file_name(part) or "file", content_type, data, is_inline=inline)
