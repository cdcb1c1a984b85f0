"""Bills come packed. What they unpack to is bounded before it is in memory: a file of a few
kilobytes can claim to hold many gigabytes."""

import gzip
import io
import re
import zipfile
import zlib

from django.utils.translation import gettext as _

from orders.importing.sheets import decode
from orders.reconciling.statement import UnableToReadStatement

PACKED_LIMIT = 64 * 1024 * 1024
#: About half a million rows.
UNPACKED_LIMIT = 160 * 1024 * 1024
MEMBER_LIMIT = 20
#: Bytes that were no text in the encoding, as the decoder keeps them; and the byte nought.
NO_TEXT = re.compile("[\udc80-\udcff\0]")
ZIP_MARK, GZIP_MARK = b"PK\x03\x04", b"\x1f\x8b"


def unzip(content: bytes) -> dict[str, bytes]:
    """This function will unpack the files of a zip: name -> content.

    :raises UnableToReadStatement: broken, encrypted, too many files, or larger than the limit.
    """
    _check_size(content)
    try:
        # Alipay writes names in GBK and says so nowhere.
        with zipfile.ZipFile(io.BytesIO(content), metadata_encoding="gb18030") as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) > MEMBER_LIMIT:
                raise UnableToReadStatement(
                    _("The zip holds more than %(limit)d files.") % {"limit": MEMBER_LIMIT}
                )
            left, files = UNPACKED_LIMIT, {}
            for member in members:
                with archive.open(member) as packed:
                    # Read, not believed: the size in the directory is the sender's word.
                    files[member.filename] = unpacked = packed.read(left + 1)
                left -= len(unpacked)
                _check_room(left)
            return files
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, OSError) as error:
        raise UnableToReadStatement(_("The zip is damaged or encrypted.")) from error
    except UnicodeDecodeError as error:
        raise UnableToReadStatement(_("The names in the zip are unreadable.")) from error


def gunzip(content: bytes) -> bytes:
    """This function will unpack gzip; anything else stays as it is.

    :raises UnableToReadStatement: cut off, damaged, or larger than the limit.
    """
    _check_size(content)
    if not content.startswith(GZIP_MARK):
        return content
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            unpacked = packed.read(UNPACKED_LIMIT + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise UnableToReadStatement(_("The gzip file is damaged or cut off.")) from error
    _check_room(UNPACKED_LIMIT - len(unpacked))
    return unpacked


def read_text(content: bytes, *, file: str = "") -> str:
    """This function will decode UTF-8, with or without a mark, or GBK.

    :raises UnableToReadStatement: nothing at all, or bytes that are no text.
    """
    if not content.strip():
        raise UnableToReadStatement(_("The file is empty."), file=file)
    _kind, text = decode(content)
    if broken := NO_TEXT.search(text):
        line = text.count("\n", 0, broken.start()) + 1
        raise UnableToReadStatement(_("The file is no text in UTF-8 or GBK."), line=line, file=file)
    return text


def _check_size(content: bytes) -> None:
    if len(content) > PACKED_LIMIT:
        raise UnableToReadStatement(
            _("The file is larger than %(mb)d MB.") % {"mb": PACKED_LIMIT >> 20}
        )


def _check_room(left: int) -> None:
    if left < 0:
        raise UnableToReadStatement(
            _("The file unpacks to more than %(mb)d MB.") % {"mb": UNPACKED_LIMIT >> 20}
        )
