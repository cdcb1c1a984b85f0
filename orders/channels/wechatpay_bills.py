"""WeChat Pay's daily bill: an offer with a hash, signed, and then the file, which is not."""

import hashlib
import zlib
from datetime import date
from urllib.parse import urlsplit

from orders.channels.base import BILL_TIMEOUT_S, ChannelError, NoBill
from orders.channels.wechatpay_wire import Said, call, download
from orders.wire import BILL_LIMIT

NO_BILL_CODES = {"NO_STATEMENT_EXIST", "STATEMENT_CREATING"}
GZIP_BITS = 31


def fetch_bill(*, day: date, timeout: float = BILL_TIMEOUT_S) -> bytes:
    """This function will fetch the trade bill of one day, Beijing time, packed with gzip.

    :raises NoBill: there is none of that day, or not before ten the next morning.
    :raises ChannelError: no usable answer, or a file that is not the one that was offered.
    """
    path = f"/v3/bill/tradebill?bill_date={day.isoformat()}&bill_type=ALL&tar_type=GZIP"
    said = call("GET", path, timeout=timeout)
    if said.text("code") in NO_BILL_CODES:
        raise NoBill(said.text("message"), request_id=said.request_id)
    packed = download(_read_path(said), timeout=timeout)
    if hashlib.sha1(_unpack(packed)).hexdigest() != said.text("hash_value").lower():
        raise ChannelError("The bill is not the one that was offered.", code="ANSWER_DIFFERS")
    return packed


def _read_path(said: Said) -> str:
    """The address is taken without its host: nothing signed goes anywhere but to WeChat Pay."""
    parts = urlsplit(said.text("download_url"))
    _before, found, rest = parts.path.partition("/v3/")
    if not said.is_ok or not found or said.text("hash_type") != "SHA1":
        code = said.text("code") or "BAD_ANSWER"
        raise ChannelError(said.text("message"), code=code, request_id=said.request_id)
    return f"/v3/{rest}?{parts.query}" if parts.query else f"/v3/{rest}"


def _unpack(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=GZIP_BITS)
    try:
        content = unpacker.decompress(packed, BILL_LIMIT)
    except zlib.error as error:
        raise ChannelError("The bill is not packed with gzip.", code="BAD_ANSWER") from error
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise ChannelError("The bill is too large, or cut off.", code="BAD_ANSWER")
    return content
