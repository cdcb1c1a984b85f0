"""A group robot of DingTalk (钉钉). Its address is signed: milliseconds, a newline and the secret,
by HMAC-SHA256 under the secret, in base64."""

import base64
import hashlib
import hmac
import json
from datetime import datetime
from urllib.parse import urlencode

from django.conf import settings

from tickets.notifiers.base import Letter, UnableToSend, post_json, read_code

BYTES = 20_000
#: -1: busy. 130101 and 660026: more than 20 a minute; the robot is then silent for ten minutes.
LATER = {-1, 130101, 660026, 410100}


def is_configured() -> bool:
    return bool(settings.DINGTALK_ROBOT_URL)


def send(letter: Letter) -> str:
    """This function will have the robot say something.

    :raises UnableToSend: not said, or unknown.
    """
    text = letter.body.encode()[:BYTES].decode("utf-8", "ignore")
    body = {"msgtype": "text", "text": {"content": text}}
    answer = post_json(signed_url(letter.at), json.dumps(body, ensure_ascii=False).encode())
    code, words, _body = read_code(answer, "errcode")
    if code != 0:
        raise UnableToSend(f"{code}: {words}", retryable=code in LATER)
    return ""


def was_sent(letter: Letter) -> bool | None:
    return None


def signed_url(now: datetime) -> str:
    url, secret = settings.DINGTALK_ROBOT_URL, settings.DINGTALK_ROBOT_SECRET
    if not secret:
        return url
    timestamp = str(int(now.timestamp() * 1000))
    text = f"{timestamp}\n{secret}"
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    query = urlencode({"timestamp": timestamp, "sign": base64.b64encode(digest).decode()})
    return f"{url}&{query}" if "?" in url else f"{url}?{query}"
