"""SMS to mainland numbers by Aliyun's dysmsapi (version 2017-05-25): SendSms, QuerySendDetails.

A provider in China sends registered texts only: a template's code and the values for its ${names}.
"""

import json
import re
import zoneinfo
from datetime import datetime
from typing import Any

from django.conf import settings

from orders.wire import NoAnswer, read_simulator
from tickets.notifiers import aliyun_wire
from tickets.notifiers.base import Letter, UnableToSend, ask, read_code

VERSION = "2017-05-25"
GATEWAY_URL = "https://dysmsapi.aliyuncs.com"
MOBILE = re.compile(r"1[3-9]\d{9}")
#: A value of a template may be this long.
VALUE_LIMIT = 35
#: Not sent, and the same may be sent later: limits, an empty account, a moment of their own.
LATER = {
    *("isv.BUSINESS_LIMIT_CONTROL", "isv.DAY_LIMIT_CONTROL", "isv.MONTH_LIMIT_CONTROL"),
    *("isv.AMOUNT_NOT_ENOUGH", "isv.OUT_OF_SERVICE", "isv.ACCOUNT_ABNORMAL"),
    *("Throttling", "Throttling.User", "Throttling.Api", "ServiceUnavailable"),
    *("InvalidTimeStamp.Expired", "SignatureNonceUsed"),
}
#: Their own system failed half-way: it may have been sent.
UNKNOWN = {"isp.SYSTEM_ERROR", "isp.GATEWAY_TIMEOUT", "InternalError", "SystemError"}
#: QuerySendDetails: 1 waits for the receipt, 2 failed at the operator's, 3 arrived.
PAGE = 50
PAGES = 10


def is_configured() -> bool:
    return bool(settings.ALIYUN_SMS_ACCESS_KEY_ID) or settings.DEMO


def find_number(*phones: str) -> str:
    """This function will return the first that is a mainland mobile number, in its 11 digits."""
    for phone in phones:
        if re.match(r"\s*(\+|00)(?!86)", phone):
            continue
        digits = re.sub(r"[\s()+-]", "", phone).removeprefix("00")
        digits = digits[2:] if len(digits) == 13 and digits.startswith("86") else digits
        if MOBILE.fullmatch(digits):
            return digits
    return ""


def template_code(kind: str, language: str) -> str:
    """This function will name the registered template of a kind: the reader's language first."""
    codes = settings.ALIYUN_SMS_TEMPLATES
    own = codes.get(f"{kind}.{language}", "")
    return own or codes.get(kind, "") or ("SMS_900001" if simulated() else "")


def send(letter: Letter) -> str:
    """This function will send one SMS; returns Aliyun's BizId.

    :raises UnableToSend: not sent, or unknown.
    """
    account, sign_name = get_account()
    params = {
        "PhoneNumbers": letter.recipient,
        "SignName": sign_name,
        "TemplateCode": letter.template,
        "TemplateParam": json.dumps(dict(letter.values), ensure_ascii=False),
        # Comes back in QuerySendDetails: by it we find out whether a lost answer was a yes.
        "OutId": letter.key,
    }
    answer = ask(lambda: aliyun_wire.call(account, "SendSms", VERSION, params, now=letter.at))
    code, words, body = read_code(answer, "Code")
    if code == "OK":
        return str(body.get("BizId", ""))
    raise UnableToSend(
        f"{code}: {words}", retryable=code in LATER | UNKNOWN, unknown=code in UNKNOWN
    )


def was_sent(letter: Letter) -> bool | None:
    """This function will look in Aliyun's records of the days since the first attempt.

    :raises UnableToSend: they cannot be read now.
    """
    account, _sign_name = get_account()
    for day in days_between(letter.since, letter.at):
        for page in range(1, PAGES + 1):
            rows, total = read_details(account, letter, day, page)
            if any(str(row.get("OutId")) == letter.key for row in rows):
                return True
            if page * PAGE >= total:
                break
    return False


def read_details(
    account: aliyun_wire.Account, letter: Letter, day: str, page: int
) -> tuple[list[dict[str, Any]], int]:
    params = {
        "PhoneNumber": letter.recipient,
        "SendDate": day,
        "PageSize": str(PAGE),
        "CurrentPage": str(page),
    }
    try:
        answer = ask(
            lambda: aliyun_wire.call(account, "QuerySendDetails", VERSION, params, now=letter.at)
        )
        code, words, body = read_code(answer, "Code")
    except UnableToSend as error:
        # A question that was lost leaves nothing unknown that was not before.
        raise UnableToSend(f"QuerySendDetails: {error}") from error
    if code != "OK":
        raise UnableToSend(f"QuerySendDetails: {code}: {words}")
    details = body.get("SmsSendDetailDTOs")
    rows = details.get("SmsSendDetailDTO") if isinstance(details, dict) else None
    total = str(body.get("TotalCount", "0"))
    return rows if isinstance(rows, list) else [], int(total) if total.isdecimal() else 0


def days_between(start: datetime, end: datetime) -> list[str]:
    """Beijing's days, newest first; a message is handed over on one of two at most."""
    tz = zoneinfo.ZoneInfo("Asia/Shanghai")
    days = {moment.astimezone(tz).strftime("%Y%m%d") for moment in (start, end)}
    return sorted(days, reverse=True)


def simulated() -> bool:
    return settings.DEMO and not settings.ALIYUN_SMS_ACCESS_KEY_ID


def get_account() -> tuple[aliyun_wire.Account, str]:
    """This function will return the account and the signature's name; in a demo the simulator's.

    :raises UnableToSend: in a demo whose simulator is not running just now.
    """
    if not simulated():
        url = settings.ALIYUN_SMS_URL or GATEWAY_URL
        key_id, secret = settings.ALIYUN_SMS_ACCESS_KEY_ID, settings.ALIYUN_SMS_ACCESS_KEY_SECRET
        return aliyun_wire.Account(url, key_id, secret), settings.ALIYUN_SMS_SIGN_NAME
    try:
        url, keys = read_simulator()
        account = aliyun_wire.Account(
            url, keys["aliyun_sms_access_key_id"], keys["aliyun_sms_access_key_secret"]
        )
        return account, keys["aliyun_sms_sign_name"]
    except (NoAnswer, KeyError) as error:
        raise UnableToSend("The gateway simulator is not running.") from error
