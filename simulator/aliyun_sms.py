"""Aliyun's SMS service, dysmsapi 2017-05-25: SendSms and QuerySendDetails, signed by
ACS3-HMAC-SHA256.

    POST /?<parameters>, the operation in x-acs-action

A wrong signature, a stale date and a used nonce are answered with 400 or 403; what the service
itself says no to (isv.*, isp.*) with 200 and its code, as in life. `GET /control/sms` lists what
was sent; a template is known once `POST /control/sms/templates` {code, content} named it, and until
one was named every SMS_ code is.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from simulator.gateway import Answer, Call, Operation
from simulator.messages import Body, Refusal, Reply, Request, json_reply, read_text
from simulator.signing import is_signature
from simulator.store import Store

KEY_NAMES = ("aliyun_sms_access_key_id", "aliyun_sms_access_key_secret", "aliyun_sms_sign_name")
ALGORITHM, VERSION = "ACS3-HMAC-SHA256", "2017-05-25"
AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Credential=(?P<id>[^,]+),SignedHeaders=(?P<names>[^,]+),Signature=(?P<sign>\w+)"
)
SIGNED = {"host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce"}
#: How far the date of a request may be off.
FRESH = timedelta(minutes=15)
MOBILE = re.compile(r"1[3-9]\d{9}")
VARIABLE = re.compile(r"\$\{(\w+)\}")
VALUE_LIMIT = 35
BEIJING = timezone(timedelta(hours=8))

SCHEMA = """
CREATE TABLE IF NOT EXISTS sms (
    id INTEGER PRIMARY KEY AUTOINCREMENT, biz_id TEXT NOT NULL, phone TEXT NOT NULL,
    template TEXT NOT NULL, params TEXT NOT NULL, out_id TEXT NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS sms_by_phone ON sms (phone);
CREATE TABLE IF NOT EXISTS sms_templates (code TEXT PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sms_nonces (nonce TEXT PRIMARY KEY, at REAL NOT NULL);
"""


def make_keys() -> dict[str, str]:
    key_id, secret = f"LTAI{secrets.token_hex(10)}", secrets.token_hex(15)
    return dict(zip(KEY_NAMES, (key_id, secret, "练习充值店"), strict=True))


class AliyunSmsGateway:
    tables = ("sms", "sms_templates", "sms_nonces")

    def __init__(self, keys: Mapping[str, str], store: Store) -> None:
        self._key_id, self._secret, self._sign_name = (keys[name] for name in KEY_NAMES)
        self._store = store
        store.add_tables(SCHEMA)
        root = re.compile("/")
        self.operations = (
            Operation("sms.send", "POST", root, self.send, wants=is_action("SendSms")),
            Operation("sms.query", "POST", root, query, wants=is_action("QuerySendDetails")),
        )
        self.control_routes = {
            ("GET", "/control/sms"): list_sent,
            ("POST", "/control/sms/templates"): add_template,
        }

    def open(self, request: Request, path_argument: str) -> Call:
        given = AUTHORIZATION.fullmatch(request.header("Authorization"))
        if given is None or given["id"] != self._key_id:
            raise Refusal(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        names = given["names"].split(";")
        if names != sorted(names) or not set(names) >= SIGNED:
            raise Refusal(400, "IncompleteSignature", "SignedHeaders lacks what must be signed.")
        if request.header("x-acs-content-sha256") != hashlib.sha256(request.body).hexdigest():
            raise Refusal(400, "InvalidContentSha256", "The body has another digest.")
        if not is_signature(given["sign"], sign(self._secret, request, names)):
            raise Refusal(400, "SignatureDoesNotMatch", "Specified signature does not match.")
        self._check_once(request)
        if request.header("x-acs-version") != VERSION:
            raise Refusal(400, "InvalidVersion", "There is no such version.")
        params = dict(parse_qsl(urlsplit(request.target).query, keep_blank_values=True))
        return Call(params, str(params.get("OutId") or params.get("PhoneNumber") or "")[:64])

    def _check_once(self, request: Request) -> None:
        """A request is good for a quarter of an hour, and once."""
        try:
            date = request.header("x-acs-date").removesuffix("Z") + "+00:00"
            sent_at = datetime.strptime(date, "%Y-%m-%dT%H:%M:%S%z")
        except ValueError:
            raise Refusal(400, "InvalidTimeStamp.Format", "x-acs-date is no time.") from None
        if abs(datetime.now(UTC) - sent_at) > FRESH:
            raise Refusal(400, "InvalidTimeStamp.Expired", "The date is too far from now.")
        nonce = request.header("x-acs-signature-nonce")
        if self._store.row("SELECT 1 FROM sms_nonces WHERE nonce = ?", nonce) or not nonce:
            raise Refusal(400, "SignatureNonceUsed", "Specified nonce was used already.")
        self._store.execute("INSERT INTO sms_nonces VALUES (?, ?)", nonce, time.time())

    def seal(self, request: Request, status: int, body: Body) -> Reply:
        is_word_of_the_service = str(body.get("Code", "")).startswith(("isv.", "isp."))
        body = {"RequestId": secrets.token_hex(16).upper(), **body}
        return json_reply(200 if is_word_of_the_service else status, body)

    def refuse(self, refusal: Refusal) -> Body:
        return {"Code": refusal.code, "Message": refusal.message}

    def send(self, store: Store, call: Call) -> Answer:
        phone, template = read(call, "PhoneNumbers"), read(call, "TemplateCode")
        if not MOBILE.fullmatch(phone):
            raise Refusal(200, "isv.MOBILE_NUMBER_ILLEGAL", f"{phone} is no mobile number.")
        if read(call, "SignName") != self._sign_name:
            raise Refusal(200, "isv.SMS_SIGNATURE_ILLEGAL", "The signature is not yours.")
        values = read_values(call)
        check_template(store, template, values)
        biz_id = f"{secrets.randbelow(10**18):018d}^0"
        store.execute(
            "INSERT INTO sms (biz_id, phone, template, params, out_id, at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            *(biz_id, phone, template, json.dumps(values, ensure_ascii=False)),
            *(str(call.body.get("OutId", "")), time.time()),
        )
        return Answer({"Code": "OK", "Message": "OK", "BizId": biz_id}, "sent")


def is_action(name: str) -> Any:
    return lambda request: request.header("x-acs-action") == name


def sign(secret: str, request: Request, names: list[str]) -> str:
    """This function will make the signature from what arrived, by Aliyun's rules."""
    query = urlsplit(request.target).query
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    canonical = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in pairs)
    headers = "".join(f"{name}:{request.header(name).strip()}\n" for name in names)
    digest = hashlib.sha256(request.body).hexdigest()
    text = "\n".join([request.method, "/", canonical, headers, ";".join(names), digest])
    to_sign = f"{ALGORITHM}\n{hashlib.sha256(text.encode()).hexdigest()}"
    return hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()


def read(call: Call, name: str) -> str:
    value = call.body.get(name)
    if not value or not isinstance(value, str):
        raise Refusal(400, f"Missing{name}", f"{name} is mandatory for this action.")
    return value


def read_values(call: Call) -> dict[str, str]:
    try:
        values = json.loads(str(call.body.get("TemplateParam") or "{}"))
    except ValueError:
        raise Refusal(200, "isv.INVALID_JSON_PARAM", "TemplateParam is no JSON.") from None
    if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
        raise Refusal(200, "isv.INVALID_JSON_PARAM", "TemplateParam holds texts only.")
    for name, value in values.items():
        if len(value) > VALUE_LIMIT:
            raise Refusal(200, "isv.PARAM_LENGTH_LIMIT", f"{name} is longer than {VALUE_LIMIT}.")
        if "://" in value:
            raise Refusal(200, "isv.PARAM_NOT_SUPPORT_URL", f"{name} is an address.")
    return values


def check_template(store: Store, code: str, values: Mapping[str, str]) -> None:
    known = store.row("SELECT content FROM sms_templates WHERE code = ?", code)
    any_known = store.row("SELECT 1 FROM sms_templates")
    if not re.fullmatch(r"SMS_\d+", code) or (any_known and known is None):
        raise Refusal(200, "isv.SMS_TEMPLATE_ILLEGAL", f"There is no template {code}.")
    missing = set(VARIABLE.findall(known["content"] if known else "")) - set(values)
    if missing:
        message = f"{', '.join(sorted(missing))} missing."
        raise Refusal(200, "isv.TEMPLATE_MISSING_PARAMETERS", message)


def query(store: Store, call: Call) -> Answer:
    phone, day = read(call, "PhoneNumber"), read(call, "SendDate")
    size, page = int(read(call, "PageSize")), int(read(call, "CurrentPage"))
    rows = store.rows("SELECT * FROM sms WHERE phone = ? ORDER BY id DESC", phone)
    of_day = [row for row in rows if in_beijing(row["at"], "%Y%m%d") == day]
    shown = of_day[(page - 1) * size : page * size]
    details = [
        {
            "PhoneNum": phone,
            "SendStatus": 3,
            "ErrCode": "DELIVERED",
            "TemplateCode": row["template"],
            "SendDate": in_beijing(row["at"], "%Y-%m-%d %H:%M:%S"),
            "OutId": row["out_id"],
        }
        for row in shown
    ]
    body = {
        "Code": "OK",
        "Message": "OK",
        "TotalCount": str(len(of_day)),
        "SmsSendDetailDTOs": {"SmsSendDetailDTO": details},
    }
    return Answer(body, f"found {len(details)}")


def in_beijing(at: float, how: str) -> str:
    return datetime.fromtimestamp(at, BEIJING).strftime(how)


def list_sent(store: Store, body: Body) -> Body:
    rows = store.rows("SELECT * FROM sms ORDER BY id")
    return {"sms": [{**dict(row), "params": json.loads(row["params"])} for row in rows]}


def add_template(store: Store, body: Body) -> Body:
    code, content = read_text(body, "code"), read_text(body, "content", limit=500)
    store.execute("INSERT OR REPLACE INTO sms_templates VALUES (?, ?)", code, content)
    return {"code": code}
