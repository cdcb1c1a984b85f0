"""A group robot of Feishu (飞书). Its signature stands in the body, and what others take for the
text is the key: seconds, a newline and the secret, under which an empty text is signed."""

import base64
import hashlib
import hmac
import json
from datetime import datetime

from django.conf import settings

from tickets.notifiers.base import Letter, UnableToSend, post_json, read_code

#: The whole body may have 20 KB.
BYTES = 15_000
#: 9499 and 11232: too often.
LATER = {9499, 11232}


def is_configured() -> bool:
    return bool(settings.FEISHU_ROBOT_URL)


def send(letter: Letter) -> str:
    """This function will have the robot say something.

    :raises UnableToSend: not said, or unknown.
    """
    text = letter.body.encode()[:BYTES].decode("utf-8", "ignore")
    body = signature(letter.at) | {"msg_type": "text", "content": {"text": text}}
    answer = post_json(settings.FEISHU_ROBOT_URL, json.dumps(body, ensure_ascii=False).encode())
    code, words, _body = read_code(answer, "code")
    if code != 0:
        raise UnableToSend(f"{code}: {words}", retryable=code in LATER)
    return ""


def was_sent(letter: Letter) -> bool | None:
    return None


def signature(now: datetime) -> dict[str, str]:
    secret = settings.FEISHU_ROBOT_SECRET
    if not secret:
        return {}
    timestamp = str(int(now.timestamp()))
    digest = hmac.new(f"{timestamp}\n{secret}".encode(), b"", hashlib.sha256).digest()
    return {"timestamp": timestamp, "sign": base64.b64encode(digest).decode()}
