"""Alipay's daily bill: a signed answer says where the file is, for 30 seconds; the file itself is
not signed, and its own closing lines tell whether it is whole.

alipay.data.dataservice.bill.downloadurl.query; what a missing bill is called was seen on live
accounts (isp.bill_not_exist), the documents have BILL_NOT_EXIST. Both mean either of two things:
it is not made yet, or there was nothing to put on it.
"""

from datetime import date
from urllib.parse import urlsplit, urlunsplit

from orders.channels.alipay_wire import call, get_account
from orders.channels.base import BILL_TIMEOUT_S, ChannelError, NoBill
from orders.wire import BILL_LIMIT, NoAnswer, exchange

METHOD = "alipay.data.dataservice.bill.downloadurl.query"
NO_BILL_CODES = {"isp.bill_not_exist", "isv.bill-not-exist", "BILL_NOT_EXIST"}
ZIP_MARK = b"PK"


def fetch_bill(*, day: date, timeout: float = BILL_TIMEOUT_S) -> bytes:
    """This function will fetch the bill of one day, Beijing time: a zip.

    :raises NoBill: there is none of that day, or not before nine the next morning.
    :raises ChannelError: no usable answer, or no file at the address that was given.
    """
    wanted = {"bill_type": "trade", "bill_date": day.isoformat()}
    said = call(METHOD, wanted, timeout=timeout)
    if said.error_code in NO_BILL_CODES:
        raise NoBill(said.text("sub_msg") or said.error_code, request_id=said.request_id)
    if not said.is_success:
        message = said.text("sub_msg") or said.text("msg")
        raise ChannelError(message, code=said.error_code, request_id=said.request_id)
    address = secure(said.text("bill_download_url"))
    try:
        answer = exchange("GET", address, timeout=timeout, limit=BILL_LIMIT)
    except NoAnswer as error:
        raise ChannelError(str(error), request_id=said.request_id) from error
    if answer.status != 200 or not answer.body.startswith(ZIP_MARK):
        # An expired address answers with a page of text.
        message = f"HTTP {answer.status} and no zip at the bill's address."
        raise ChannelError(message, code="BAD_ANSWER", request_id=said.request_id)
    return answer.body


def secure(address: str) -> str:
    """Alipay still writes http:// although it answers to https: customers' payments do not travel
    in the clear. The gateway's own machine (the simulator's) is taken at its word."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ChannelError("The answer holds no address of a bill.", code="BAD_ANSWER")
    gateway = urlsplit(get_account().gateway_url)
    if (parts.hostname, parts.port) == (gateway.hostname, gateway.port):
        return address
    return urlunsplit(parts._replace(scheme="https"))
