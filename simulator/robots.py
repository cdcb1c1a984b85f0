"""Robots of chat groups: WeCom (企业微信), DingTalk (钉钉), Feishu (飞书).

    POST /cgi-bin/webhook/send?key=...                        WeCom: the key is the secret
    POST /robot/send?access_token=...&timestamp=...&sign=...  DingTalk: signed address
    POST /open-apis/bot/v2/hook/<token>                       Feishu: timestamp and sign in the body

Each says no with HTTP 200 and a code of its own. `GET /control/robots` lists what was said.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping

from simulator.gateway import Answer, Call, Operation
from simulator.messages import Body, Refusal, Reply, Request, json_reply
from simulator.signing import is_signature
from simulator.store import Store

KEY_NAMES = (
    *("wecom_robot_key", "dingtalk_robot_token", "dingtalk_robot_secret"),
    *("feishu_robot_token", "feishu_robot_secret"),
)
#: How old a signature may be, in seconds.
HOUR = 3600
LIMITS = {"wecom": 2048, "dingtalk": 20_000, "feishu": 20_000}
SCHEMA = """
CREATE TABLE IF NOT EXISTS robot_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, robot TEXT NOT NULL, text TEXT NOT NULL,
    at REAL NOT NULL);
"""


def make_keys() -> dict[str, str]:
    return {name: secrets.token_hex(16) for name in KEY_NAMES}


class RobotsGateway:
    tables = ("robot_messages",)

    def __init__(self, keys: Mapping[str, str], store: Store) -> None:
        self._keys = keys
        store.add_tables(SCHEMA)
        self._paths = {
            "wecom": re.compile("/cgi-bin/webhook/send"),
            "dingtalk": re.compile("/robot/send"),
            "feishu": re.compile("/open-apis/bot/v2/hook/([^/]+)"),
        }
        self.operations = tuple(
            Operation(f"{robot}.send", "POST", path, keep) for robot, path in self._paths.items()
        )
        self.control_routes = {("GET", "/control/robots"): list_messages}

    def open(self, request: Request, path_argument: str) -> Call:
        robot = next(name for name, path in self._paths.items() if path.fullmatch(request.path))
        body = request.json()
        if robot == "wecom":
            self._open_wecom(request)
            text = read_text_message(body, "msgtype", "text", "content", code="40008")
        elif robot == "dingtalk":
            self._open_dingtalk(request)
            text = read_text_message(body, "msgtype", "text", "content", code="400402")
        else:
            self._open_feishu(path_argument, body)
            text = read_text_message(body, "msg_type", "content", "text", code="9499")
        if len(text.encode()) > LIMITS[robot]:
            raise Refusal(200, "40058" if robot == "wecom" else "430102", "The text is too long.")
        return Call({"robot": robot, "text": text})

    def _open_wecom(self, request: Request) -> None:
        if not is_signature(request.query.get("key", ""), self._keys["wecom_robot_key"]):
            raise Refusal(200, "93000", "invalid webhook url")

    def _open_dingtalk(self, request: Request) -> None:
        token = request.query.get("access_token", "")
        if not is_signature(token, self._keys["dingtalk_robot_token"]):
            raise Refusal(200, "300001", "token is not exist")
        timestamp, secret = request.query.get("timestamp", ""), self._keys["dingtalk_robot_secret"]
        expected = digest(key=secret, text=f"{timestamp}\n{secret}")
        if not is_signature(request.query.get("sign", ""), expected):
            raise Refusal(200, "310000", "sign not match")
        if not is_recent(timestamp, per_second=1000):
            raise Refusal(200, "310000", "invalid timestamp")

    def _open_feishu(self, token: str, body: Body) -> None:
        if not is_signature(token, self._keys["feishu_robot_token"]):
            raise Refusal(200, "19001", "param invalid: incoming webhook access token invalid")
        timestamp, secret = str(body.get("timestamp", "")), self._keys["feishu_robot_secret"]
        expected = digest(key=f"{timestamp}\n{secret}", text="")
        if not is_signature(str(body.get("sign", "")), expected) or not is_recent(timestamp):
            message = "sign match fail or timestamp is not within one hour from current time"
            raise Refusal(200, "19021", message)

    def seal(self, request: Request, status: int, body: Body) -> Reply:
        if not self._paths["feishu"].fullmatch(request.path):
            return json_reply(200, body)
        return json_reply(200, {"code": body["errcode"], "msg": body["errmsg"], "data": {}})

    def refuse(self, refusal: Refusal) -> Body:
        code = int(refusal.code) if refusal.code.lstrip("-").isdecimal() else 40000
        return {"errcode": code, "errmsg": refusal.message}


def digest(*, key: str, text: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def is_recent(timestamp: str, per_second: int = 1) -> bool:
    return timestamp.isdecimal() and abs(time.time() - int(timestamp) / per_second) <= HOUR


def read_text_message(body: Body, kind: str, outer: str, inner: str, *, code: str) -> str:
    content = body.get(outer)
    text = content.get(inner) if isinstance(content, dict) else None
    if body.get(kind) != "text" or not isinstance(text, str) or not text:
        raise Refusal(200, code, "invalid message")
    return text


def keep(store: Store, call: Call) -> Answer:
    store.execute(
        "INSERT INTO robot_messages (robot, text, at) VALUES (?, ?, ?)",
        *(call.body["robot"], call.body["text"], time.time()),
    )
    return Answer({"errcode": 0, "errmsg": "ok"}, "said")


def list_messages(store: Store, body: Body) -> Body:
    rows = store.rows("SELECT * FROM robot_messages ORDER BY id")
    return {"messages": [dict(row) for row in rows]}
