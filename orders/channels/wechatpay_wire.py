"""WeChat Pay's envelope, API v3: WECHATPAY2-SHA256-RSA2048 both ways, AES-256-GCM for its news.

A request is signed over method, path with query, timestamp, nonce and body, each with a newline;
answers and notifies over timestamp, nonce and body, with WeChat Pay's own key. Only a request with
a wrong signature is answered unsigned: whatever else comes unsigned is not WeChat Pay's.
"""

import base64
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from orders.channels.base import ChannelError
from orders.channels.wechatpay_account import Account, get_account
from orders.wire import ANSWER_LIMIT, BILL_LIMIT, Answer, NoAnswer, exchange, read_object

SCHEME = "WECHATPAY2-SHA256-RSA2048"
CLOCK_TOLERANCE_S = 300


@dataclass(frozen=True)
class Said:
    """An answer whose signature was right."""

    status: int
    node: Mapping[str, Any]
    request_id: str = ""

    def text(self, name: str) -> str:
        return read_text(self.node, name)

    @property
    def is_ok(self) -> bool:
        return self.status == 200


def call(method: str, path: str, body: Mapping[str, Any] | None = None, *, timeout: float) -> Said:
    """This function will make one signed call. `path` starts with /v3 and holds the query.

    :raises ChannelError: no answer, or one that is not WeChat Pay's.
    """
    account = get_account()
    content = json.dumps(body, ensure_ascii=False).encode() if body is not None else b""
    return _open(account, _exchange(account, method, path, content, timeout=timeout))


def download(path: str, *, timeout: float) -> bytes:
    """This function will fetch a file that an earlier, signed answer named: it comes unsigned.

    :raises ChannelError: no answer, or a refusal.
    """
    account = get_account()
    answer = _exchange(account, "GET", path, b"", timeout=timeout, limit=BILL_LIMIT)
    if answer.status != 200:
        raise ChannelError(f"HTTP {answer.status} for the file.", code=f"HTTP_{answer.status}")
    return answer.body


def _exchange(
    account: Account,
    method: str,
    path: str,
    content: bytes,
    *,
    timeout: float,
    limit: int = ANSWER_LIMIT,
) -> Answer:
    headers = {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "User-Agent": "topup-dispute-desk",
        # Says which of its keys WeChat Pay shall sign the answer with.
        "Wechatpay-Serial": account.public_key_id,
        "Authorization": _authorize(account, method, path, content),
    }
    url = account.url + path
    try:
        return exchange(method, url, content=content, headers=headers, timeout=timeout, limit=limit)
    except NoAnswer as error:
        raise ChannelError(str(error)) from error


def _authorize(account: Account, method: str, path: str, content: bytes) -> str:
    timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
    lines = _lines(method, path, timestamp, nonce, content)
    signature = base64.b64encode(account.private_key.sign(lines, PKCS1v15(), SHA256())).decode()
    return (
        f'{SCHEME} mchid="{account.mch_id}",nonce_str="{nonce}",signature="{signature}",'
        f'timestamp="{timestamp}",serial_no="{account.serial_no}"'
    )


def _open(account: Account, answer: Answer) -> Said:
    request_id = answer.headers.get("Request-ID", "")
    node = answer.json()
    if not is_signed(account, answer.headers, answer.body) or node is None:
        code = f"HTTP_{answer.status}" if answer.status >= 500 else "BAD_SIGNATURE"
        if answer.status == 401:
            # Our own key or serial is wrong. Not the refund's fault: it waits for a repair.
            code = "SIGN_ERROR"
        message = f"HTTP {answer.status} without WeChat Pay's signature."
        raise ChannelError(message, code=code, request_id=request_id)
    timestamp = answer.headers.get("Wechatpay-Timestamp", "")
    if not is_fresh(timestamp, now_s=time.time()):
        message = "The answer's timestamp is more than 300 s off."
        raise ChannelError(message, code="STALE_ANSWER", request_id=request_id)
    return Said(answer.status, node, request_id)


def is_signed(account: Account, headers: Mapping[str, str], body: bytes) -> bool:
    """This function will say whether WeChat Pay signed a body, with the key that we know."""
    given = headers.get("Wechatpay-Signature", "")
    if headers.get("Wechatpay-Serial", "") != account.public_key_id:
        return False
    timestamp, nonce = headers.get("Wechatpay-Timestamp", ""), headers.get("Wechatpay-Nonce", "")
    try:
        raw = base64.b64decode(given, validate=True)
        account.public_key.verify(raw, _lines(timestamp, nonce, body), PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def is_fresh(timestamp: str, *, now_s: float) -> bool:
    """This function will say whether unix seconds lie within 5 minutes of now."""
    is_number = timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 15
    return is_number and abs(now_s - int(timestamp)) <= CLOCK_TOLERANCE_S


def open_resource(account: Account, resource: Mapping[str, Any]) -> dict[str, Any]:
    """This function will decrypt what a notify tells.

    :raises ValueError: it is not sealed for us, or no JSON object.
    """
    if read_text(resource, "algorithm") != "AEAD_AES_256_GCM":
        raise ValueError("another algorithm")
    nonce = read_text(resource, "nonce").encode()
    associated_data = read_text(resource, "associated_data").encode()
    try:
        sealed = base64.b64decode(read_text(resource, "ciphertext"), validate=True)
        content = AESGCM(account.apiv3_key).decrypt(nonce, sealed, associated_data)
    except InvalidTag as error:
        raise ValueError("sealed with another key") from error
    parsed = read_object(content)
    if parsed is None:
        raise ValueError("not an object")
    return parsed


def seal_field(account: Account, text: str) -> str:
    """This function will encrypt a sensitive field of a request, so that only WeChat Pay reads
    it. SHA-1 in the padding is WeChat Pay's choice."""
    scheme = OAEP(mgf=MGF1(algorithm=SHA1()), algorithm=SHA1(), label=None)
    return base64.b64encode(account.public_key.encrypt(text.encode(), scheme)).decode()


def read_text(node: Mapping[str, Any], name: str) -> str:
    value = node.get(name, "")
    return value if isinstance(value, str) else ""


def _lines(*parts: str | bytes) -> bytes:
    return b"".join((part.encode() if isinstance(part, str) else part) + b"\n" for part in parts)
