"""Mails as programs write them, for tests: bytes, with the line ends of the wire."""

import base64
from email.message import EmailMessage
from pathlib import Path

from PIL import Image

FROM = "zhao@example.com"
TO = "desk@desk.example.com"


def wire(text: str, charset: str = "utf-8") -> bytes:
    """A whole mail, written by hand."""
    return text.lstrip("\n").replace("\r\n", "\n").replace("\n", "\r\n").encode(charset)


def compose(
    text: str = "付款成功,一直没有到账",
    *,
    subject: str = "充值没有到账",
    sender: str = FROM,
    message_id: str = "<1@example.com>",
    files: list[tuple[str, bytes, str]] | None = None,
    html: str = "",
    **headers: str,
) -> bytes:
    """A mail of a tidy program; ``files`` are (name, bytes, type), ``X_Loop`` becomes X-Loop."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, TO, subject
    mail["Date"] = "Tue, 24 Nov 2026 10:00:00 +0800"
    if message_id:
        mail["Message-ID"] = message_id
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    for name, data, content_type in files or []:
        maintype, _slash, subtype = content_type.partition("/")
        mail.add_attachment(data, maintype=maintype, subtype=subtype, filename=name)
    return bytes(mail)


def picture(path: Path, *, side: int = 400, colour: str = "navy", kind: str = "JPEG") -> bytes:
    """A real picture, as large as a small screenshot."""
    image = Image.effect_noise((side, side), 60).convert("RGB")
    image.paste(colour, (0, 0, side, side // 2))
    image.save(path, kind)
    return path.read_bytes()


def word(text: str, charset: str) -> str:
    """An encoded word as mail programs write it into headers."""
    encoded = base64.b64encode(text.encode("gb18030" if charset == "GB2312" else charset))
    return f"=?{charset}?B?{encoded.decode()}?="
