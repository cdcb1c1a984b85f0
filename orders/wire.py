"""One HTTP exchange with a provider: bounded in time and size, and plain about what is unknown."""

import functools
import json
import math
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from orders.masking import mask_account, mask_name, mask_phone

CONNECT_TIMEOUT_S = 3.0
READ_TIMEOUT_S = 10.0
ANSWER_LIMIT = 1024 * 1024
BILL_LIMIT = 64 * 1024 * 1024
LOOPBACK_NAMES = {"127.0.0.1", "localhost", "::1"}
#: What of an answer may be kept: everything but these, which are masked or left out.
MASKED = {
    "account": mask_account,
    "target_account": mask_account,
    "phone": mask_phone,
    "mobile": mask_phone,
    "name": mask_name,
    "real_name": mask_name,
}
LEFT_OUT = {
    *("sign", "signature", "nonce", "secret", "key", "password"),
    *("card_code", "card_no", "card_list", "card_password", "kami", "charge_kami"),
}


#: An answer nested deeper than this is nobody's.
DEPTH_LIMIT = 20
UNSTORABLE = re.compile("[\\x00\\ud800-\\udfff]")
#: A whole number of more digits fits no column; it is kept as text.
DIGITS_LIMIT = 18


class NoAnswer(Exception):
    """Nobody answered, or not in time: whether the request had an effect is unknown."""


class NotConnected(NoAnswer):
    """No connection stood, so nothing was asked: the request certainly had no effect."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any] | None:
        """This function will return the body as one JSON object, or None if it is none."""
        return read_object(self.body)


@dataclass(frozen=True, slots=True)
class Endpoint:
    url: str
    secret: str


@functools.cache
def _client(pid: int, trust_env: bool) -> httpx.Client:
    # No connection is kept: one that the other side has just closed loses a request, and for
    # money a lost request means an unknown outcome. A client does not survive a fork, hence pid.
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=0)
    return httpx.Client(trust_env=trust_env, limits=limits, follow_redirects=False)


def exchange(
    method: str,
    url: str,
    *,
    content: bytes = b"",
    headers: Mapping[str, str] | None = None,
    timeout: float = READ_TIMEOUT_S,
    limit: int = ANSWER_LIMIT,
    pinned_to: str = "",
) -> Answer:
    """This function will send one request and read the whole answer, of at most `limit` bytes,
    within `timeout` seconds after the connection stands. `pinned_to` is the IP address to connect
    to instead of resolving the host's name; the certificate is still that of the name.

    :raises NoAnswer: connection refused or lost, time over, answer too large.
    """
    connect = min(CONNECT_TIMEOUT_S, timeout)
    limits = httpx.Timeout(timeout, connect=connect)
    give_up_at = time.monotonic() + connect + timeout
    body = bytearray()
    try:
        # A proxy of the environment is for the world outside, and would resolve names itself.
        parts, sent, more = urlsplit(url), dict(headers or {}), {}
        client = _client(os.getpid(), not pinned_to and parts.hostname not in LOOPBACK_NAMES)
        if pinned_to:
            sent["Host"], more = parts.netloc, {"sni_hostname": parts.hostname}
            url = pin(url, pinned_to)
        with client.stream(
            method, url, content=content, headers=sent, timeout=limits, extensions=more
        ) as response:
            # The read timeout holds for one packet: a server that drips would hold us for ever.
            for chunk in response.iter_bytes():
                body += chunk
                if time.monotonic() > give_up_at:
                    raise NoAnswer(f"The answer took longer than {timeout:g} s.")
                if len(body) > limit:
                    raise NoAnswer(f"The answer is larger than {limit} bytes.")
            return Answer(response.status_code, response.headers, bytes(body))
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise NotConnected(f"{type(error).__name__}: {error}"[:300]) from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise NoAnswer(f"{type(error).__name__}: {error}"[:300]) from error


def pin(url: str, address: str) -> str:
    """This function will put an IP address in the place of an address's host name."""
    parts = urlsplit(url)
    host = f"[{address}]" if ":" in address else address
    return parts._replace(netloc=f"{host}:{parts.port}" if parts.port else host).geturl()


def read_object(text: str | bytes) -> dict[str, Any] | None:
    """This function will read one JSON object that every database takes, or return None.

    What JSON allows and a database does not, becomes text or U+FFFD: NaN and infinity, numbers
    beyond 64 bits, NUL, halves of characters.
    """
    try:
        parsed = json.loads(
            text, parse_int=_read_int, parse_float=_read_float, parse_constant=lambda word: word
        )
        return _clean(parsed, DEPTH_LIMIT) if isinstance(parsed, dict) else None
    except (ValueError, RecursionError):
        return None


def _read_int(digits: str) -> int | str:
    return int(digits) if len(digits) <= DIGITS_LIMIT else digits


def _read_float(digits: str) -> float | str:
    return number if math.isfinite(number := float(digits)) else digits


def _clean(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict | list) and depth == 0:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        return {clean_text(name): _clean(item, depth - 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_clean(item, depth - 1) for item in value]
    return value


def clean_text(text: str) -> str:
    """This function will replace what no database takes: NUL and halves of characters."""
    return UNSTORABLE.sub("\ufffd", text)


def get_endpoint(*, url_setting: str, secret_setting: str, secret_key: str) -> Endpoint | None:
    """This function will find where a provider is: in the settings, else in a demo where the
    gateway simulator wrote its address; None when nobody configured it.

    Files are read on every call: the simulator may have been started again.

    :raises NoAnswer: in a demo whose simulator is not running just now.
    """
    url, secret = getattr(settings, url_setting, ""), getattr(settings, secret_setting, "")
    if url and secret:
        return Endpoint(url.rstrip("/"), secret)
    if url or secret or not settings.DEMO:
        return None
    try:
        simulated_url, keys = read_simulator()
        return Endpoint(simulated_url, keys[secret_key])
    except KeyError as error:
        raise NoAnswer("The gateway simulator is not running.") from error


def read_simulator() -> tuple[str, dict[str, str]]:
    """This function will read where the demo's gateway simulator is, and its keys.

    :raises NoAnswer: it is not running just now.
    """
    try:
        address = json.loads((settings.HELPDESK_DATA / "simulator.json").read_text("utf-8"))
        keys = json.loads((settings.HELPDESK_DATA / "simulator-keys.json").read_text("utf-8"))
        return str(address["url"]), dict(keys)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NoAnswer("The gateway simulator is not running.") from error


def mask_payload(payload: Mapping[str, Any]) -> dict[str, Any]:
    """This function will mask what a stored answer must not show: accounts, names, signatures."""
    return {
        key: MASKED[key](str(value)) if key in MASKED else value
        for key, value in payload.items()
        if key not in LEFT_OUT
    }
