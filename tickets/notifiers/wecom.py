"""A group robot of WeCom (企业微信): the key in its address is all there is to it."""

import json

from django.conf import settings

from tickets.notifiers.base import Letter, UnableToSend, post_json, read_code

#: The robot takes 2048 bytes of UTF-8.
BYTES = 2048
#: 45009: more than 20 a minute. -1: their system is busy.
LATER = {45009, 45033, -1}


def is_configured() -> bool:
    return bool(settings.WECOM_ROBOT_URL)


def send(letter: Letter) -> str:
    """This function will have the robot say something.

    :raises UnableToSend: not said, or unknown.
    """
    text = letter.body.encode()[:BYTES].decode("utf-8", "ignore")
    body = {"msgtype": "text", "text": {"content": text}}
    answer = post_json(settings.WECOM_ROBOT_URL, json.dumps(body, ensure_ascii=False).encode())
    code, words, _body = read_code(answer, "errcode")
    if code != 0:
        raise UnableToSend(f"{code}: {words}", retryable=code in LATER)
    return ""


def was_sent(letter: Letter) -> bool | None:
    return None
