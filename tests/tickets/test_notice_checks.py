"""Half-configured ways to people are named before an alarm needs them."""

from io import StringIO

import pytest
from django.core.management import call_command

from tickets.checks import check_robots, check_sms
from tickets.notice_kinds import SMS

COMPLETE = {
    "ALIYUN_SMS_ACCESS_KEY_ID": "LTAI1",
    "ALIYUN_SMS_ACCESS_KEY_SECRET": "secret",
    "ALIYUN_SMS_SIGN_NAME": "shop",
    "ALIYUN_SMS_TEMPLATES": {"promise_broken": "SMS_1", "bank_details_asked": "SMS_2"},
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        (dict.fromkeys(COMPLETE, ""), []),
        ({"ALIYUN_SMS_SIGN_NAME": ""}, ["tickets.E021"]),
        ({"ALIYUN_SMS_TEMPLATES": {}}, ["tickets.E021"]),
        ({"ALIYUN_SMS_TEMPLATES": {"opend": "SMS_1"}}, ["tickets.E022", "tickets.W021"]),
        ({"ALIYUN_SMS_TEMPLATES": {"opened.en": "1"}}, ["tickets.E023", "tickets.W021"]),
        ({"ALIYUN_SMS_TEMPLATES": {"promise_broken": "SMS_1"}}, ["tickets.W021"]),
        ({"ALIYUN_SMS_URL": "http://dysmsapi.aliyuncs.com"}, ["tickets.E024"]),
        ({"SMS_PER_NUMBER_DAY": 0}, ["tickets.E025"]),
    ],
)
def test_sms(settings, changes, expected) -> None:
    for name, value in (COMPLETE | changes).items():
        setattr(settings, name, value)
    assert [message.id for message in check_sms()] == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, []),
        ({"WECOM_ROBOT_URL": "https://qyapi.weixin.qq.com/x?key=1"}, []),
        ({"WECOM_ROBOT_URL": "qyapi.weixin.qq.com"}, ["tickets.E030"]),
        ({"DINGTALK_ROBOT_URL": "http://oapi.dingtalk.com/x"}, ["tickets.E031", "tickets.W030"]),
        ({"DINGTALK_ROBOT_SECRET": "SEC81f"}, ["tickets.E033"]),
        ({"FEISHU_ROBOT_URL": "https://open.feishu.cn/x"}, ["tickets.W031"]),
        ({"FEISHU_ROBOT_SECRET": "81f"}, ["tickets.E034"]),
    ],
)
def test_robots(settings, given, expected) -> None:
    for name, value in given.items():
        setattr(settings, name, value)
    found = check_robots()
    assert [message.id for message in found] == expected
    said = " ".join(message.msg for message in found)
    assert not any(value in said for value in given.values())


def test_the_texts_to_register_are_printed() -> None:
    out = StringIO()
    call_command("sms_templates", stdout=out)
    lines = out.getvalue().splitlines()
    assert len(lines) == 2 * len(SMS)
    assert any(line.startswith("opened ") and "${number}" in line for line in lines)
