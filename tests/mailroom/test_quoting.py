"""The sender's own words, without what mail programs put under and around them."""

import pytest

from tickets.mailroom.quoting import strip_quotes

OURS = "申诉单 D261124BCDFGH：我们已收到\n\n您不必再打电话。"


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


@pytest.mark.parametrize(
    "below",
    [
        f'在 2026-11-24 10:00:00，"申诉台" <desk@desk.example.com> 写道：\n\n{quoted(OURS)}',
        f"On Tue, Nov 24, 2026 at 10:00 AM Desk <desk@desk.example.com> wrote:\n\n{quoted(OURS)}",
        f"On Tue, Nov 24, 2026 at 10:00 AM Desk\n<desk@desk.example.com> wrote:\n{quoted(OURS)}",
        f'At 2026-11-24 10:00:00, "desk" <desk@desk.example.com> wrote:\n{OURS}',
        f'------------------ 原始邮件 ------------------\n发件人: "申诉台";\n{OURS}',
        f"------------------&nbsp;原始邮件&nbsp;------------------\n{OURS}".replace("&nbsp;", " "),
        f"-----Original Message-----\nFrom: Desk\n{OURS}",
        f"发件人： 申诉台\n发送时间： 2026-11-24 10:00\n收件人： 赵磊\n主题： 回复\n\n{OURS}",
        f"From: Desk <desk@desk.example.com>\nSent: Tuesday\nTo: Zhao\n\n{OURS}",
        f"发件人：申诉台\n\n日期：2026年11月24日\n\n{OURS}",
        f"________________________________\n{OURS}",
        f"申诉台 <desk@desk.example.com> 于2026年11月24日周二 10:00写道：\n\n{quoted(OURS)}",
        quoted(OURS),
    ],
)
@pytest.mark.parametrize("signature", ["", "\n\n发自我的iPhone", "\n\n-- \n赵磊\n13812341234"])
def test_an_answer_above_the_earlier_mail(below: str, signature: str) -> None:
    assert strip_quotes(f"还是没有到账{signature}\n\n{below}") == "还是没有到账"


def test_answers_below_and_between_are_kept() -> None:
    text = (
        "在 2026年11月24日，申诉台写道：\n> 请问充值的是哪个号码？\n13812341234\n"
        "> 什么时候付的款？\n今天上午九点"
    )
    assert strip_quotes(text) == "13812341234\n今天上午九点"


@pytest.mark.parametrize(
    "text",
    [
        "客服昨天在电话里对我写道：",
        "我的截图里写道：\n支付成功",
        "主题：没有到账",
        "日期：11月24日\n金额：100元",
        "From 9:00 until now nothing arrived.",
    ],
)
def test_the_customers_own_words_are_no_quotation(text: str) -> None:
    assert strip_quotes(text) == text


def test_the_last_own_line_is_not_taken_for_the_head_of_the_quotation() -> None:
    text = f"我的钱呢\n在 2026-11-24，申诉台 <desk@desk.example.com> 写道：\n{quoted(OURS)}"
    assert strip_quotes(text) == "我的钱呢"


def test_where_nothing_would_be_left_all_is_kept() -> None:
    assert strip_quotes(quoted("没有到账")) == "> 没有到账"
    assert strip_quotes("") == ""


def test_a_forwarded_mail_alone_is_kept_whole() -> None:
    text = f"---------- Forwarded message ---------\n{OURS}"
    assert strip_quotes(text) == text
