"""What is in a mail, whoever's program wrote it. No database, no server."""

import base64

import pytest

from tests.mailroom.post import compose, wire, word
from tickets.mailroom.letters import UnableToParse, read_letter
from tickets.mailroom.receiving import digest_content


@pytest.mark.parametrize("charset", ["UTF-8", "GB2312", "GBK", "GB18030", "gb2312"])
def test_subject_name_and_text_in_every_charset_of_chinese_programs(charset: str) -> None:
    codec = "gb18030" if charset.lower() != "utf-8" else "utf-8"
    raw = wire(
        f"""
From: {word("赵磊", charset)} <Zhao@Example.com>
Subject: {word("充值100元，未到账", charset)}
Message-ID: <a@b>
Content-Type: text/plain; charset="{charset}"
Content-Transfer-Encoding: 8bit

您好，付款成功，但一直没有到账。""",
        codec,
    )
    letter = read_letter(raw)
    assert (letter.sender, letter.sender_name) == ("zhao@example.com", "赵磊")
    assert letter.subject == "充值100元，未到账"
    assert letter.text == "您好，付款成功，但一直没有到账。"
    assert letter.language == "zh-hans"


def test_what_calls_itself_gb2312_but_needs_gb18030() -> None:
    """镕 and 喆 are in no GB2312, and programs write them all the same."""
    raw = wire("Content-Type: text/plain; charset=gb2312\n\n我叫陶喆，先生姓朱名镕", "gb18030")
    assert read_letter(raw).text == "我叫陶喆，先生姓朱名镕"


@pytest.mark.parametrize("codec", ["utf-8", "gb18030"])
@pytest.mark.parametrize("charset", ["", "; charset=us-ascii", "; charset=no-such-thing"])
def test_undeclared_and_falsely_declared_bytes_are_read(codec: str, charset: str) -> None:
    raw = wire(
        f"""
From: 赵磊 <zhao@example.com>
Subject: 没有到账
Content-Type: text/plain{charset}

钱已经扣了""",
        codec,
    )
    letter = read_letter(raw)
    assert letter.subject == "没有到账"
    assert letter.text == "钱已经扣了"
    assert letter.sender == "zhao@example.com"


def test_encoded_words_cut_in_the_middle_of_a_letter() -> None:
    whole = "没有到账".encode()
    halves = [base64.b64encode(part).decode() for part in (whole[:4], whole[4:])]
    subject = "\n ".join(f"=?utf-8?B?{half}?=" for half in halves)
    assert read_letter(wire(f"Subject: {subject}\n\nx")).subject == "没有到账"


@pytest.mark.parametrize(
    "header",
    [
        "Subject: =?utf-8?B?5rKh5pyJ5Yiw6LSm",
        "Subject: =?no-such-charset?Q?x=E6?=",
        "Subject: =?utf-8?B?%%%%?=",
        "Subject",
        "Content-Type: text/plain; charset*=x'y'z; charset=\"",
        "Content-Type: multipart/mixed",
        "Content-Type: /; name*0*=utf-8''%E6; name*0=x",
        "Content-Transfer-Encoding: base64",
        "From: <<>>>@",
        "Date: yesterday",
        "Message-ID: none",
        "References: " + "<a@b>" * 5000,
    ],
)
def test_broken_headers_break_nothing(header: str) -> None:
    letter = read_letter(wire(f"{header}\nX-Other: 1\n\n没有到账"))
    assert "\udce6" not in letter.subject + letter.text
    assert len(letter.references) <= 100


def test_no_bytes_at_all() -> None:
    letter = read_letter(b"")
    assert (letter.sender, letter.text, letter.attachments) == ("", "", [])


def test_what_no_database_takes_is_taken_out() -> None:
    letter = read_letter(wire("Subject: a\x00b\u202etxt\n\n没\x00有\ufeff到账\x08"))
    assert (letter.subject, letter.text) == ("abtxt", "没有到账")


@pytest.mark.parametrize(
    "sender",
    [
        "From: a@example.com\nFrom: b@example.com",
        "From: a@example.com, b@example.com",
        "From: undisclosed",
        "From:",
        "Sender: a@example.com",
        'From: "a@example.com" <b@example.com>, <a@example.com>',
    ],
)
def test_several_senders_and_none_are_nobody(sender: str) -> None:
    assert read_letter(wire(f"{sender}\n\nx")).sender == ""


def test_a_name_that_looks_like_an_address_is_only_a_name() -> None:
    letter = read_letter(wire('From: "zhao@example.com" <thief@example.net>\n\nx'))
    assert letter.sender == "thief@example.net"


def test_a_page_alone_is_read_as_text() -> None:
    page = (
        "<html><head><style>p{color:red}</style><title>x</title></head><body>"
        "<div>您好&nbsp;客服：</div><div>订单号 LT1<br>没有<b>到账</b></div><p></p>"
        "<script>alert(1)</script><table><tr><td>金额</td><td>100</td></tr></table></body></html>"
    )
    raw = wire(f"Content-Type: text/html; charset=utf-8\n\n{page}")
    lines = [line for line in read_letter(raw).text.split("\n") if line]
    assert lines == ["您好 客服：", "订单号 LT1", "没有到账", "金额 100"]


@pytest.mark.parametrize(
    "page", ["<p>没有<", "<![if x]>没有到账", "<!--没有", "&#x110000;没有", "<div" * 3000, "<a b='"]
)
def test_broken_pages_break_nothing(page: str) -> None:
    read_letter(wire(f"Content-Type: text/html\n\n{page}"))


def test_of_two_wordings_the_plain_one_and_the_pictures_of_both() -> None:
    raw = wire(
        """
Content-Type: multipart/alternative; boundary=A

--A
Content-Type: text/plain; charset=utf-8

没有到账
--A
Content-Type: multipart/related; boundary=B

--B
Content-Type: text/html; charset=utf-8

<p>没有到账</p><img src="cid:1">
--B
Content-Type: image/png
Content-ID: <1>
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--B--
--A--
"""
    )
    letter = read_letter(raw)
    assert letter.text == "没有到账"
    assert [(a.content_type, a.is_inline) for a in letter.attachments] == [("image/png", True)]


def test_an_empty_plain_wording_gives_way_to_the_page() -> None:
    raw = compose(" ", html="<p>没有到账</p>")
    assert read_letter(raw).text == "没有到账"


@pytest.mark.parametrize("charset", ["utf-8", "GB2312"])
def test_names_of_files_as_programs_write_them(charset: str) -> None:
    raw = wire(
        f"""
Content-Type: multipart/mixed; boundary=A

--A
Content-Type: text/plain; charset=utf-8

见附件
--A
Content-Type: image/jpeg; name="{word("付款截图.jpg", charset)}"
Content-Disposition: attachment; filename="{word("付款截图.jpg", charset)}"
Content-Transfer-Encoding: base64

/9j/4A==
--A
Content-Type: application/octet-stream
Content-Disposition: attachment; filename*=utf-8''%E8%B4%A6%E5%8D%95.pdf
Content-Transfer-Encoding: base64

JVBERi0=
--A--
"""
    )
    names = [attachment.name for attachment in read_letter(raw).attachments]
    assert names == ["付款截图.jpg", "账单.pdf"]


def test_a_mail_inside_the_mail_is_a_file_and_not_more_words() -> None:
    raw = wire(
        """
Content-Type: multipart/mixed; boundary=A

--A
Content-Type: text/plain; charset=utf-8

看这封
--A
Content-Type: message/rfc822

From: other@example.com
Subject: inner

inner words
--A--
"""
    )
    letter = read_letter(raw)
    assert letter.text == "看这封"
    assert [a.name for a in letter.attachments] == ["message.eml"]
    assert b"inner words" in letter.attachments[0].data


def test_what_it_answers_the_nearest_first() -> None:
    raw = wire("In-Reply-To: <c@x>\nReferences: <a@x> <b@x>\n <c@x>\n\nx")
    assert read_letter(raw).references == ["<c@x>", "<b@x>", "<a@x>"]


def test_the_way_here_does_not_change_what_was_written() -> None:
    one = digest_content(b"Received: by a\r\n" + compose())
    other = digest_content(b"Received: by b\r\nX-Spam: no\r\n" + compose().replace(b"\r", b""))
    assert one == other != digest_content(compose("别的内容"))


def test_parts_without_number_are_no_letter() -> None:
    parts = "--A\nContent-Type: text/plain\n\nx\n" * 300
    with pytest.raises(UnableToParse):
        read_letter(wire(f"Content-Type: multipart/mixed; boundary=A\n\n{parts}--A--\n"))


def test_parts_within_parts_are_no_letter() -> None:
    heads = "".join(f"Content-Type: multipart/mixed; boundary=B{i}\n\n--B{i}\n" for i in range(40))
    with pytest.raises(UnableToParse):
        read_letter(wire(f"{heads}\nx"))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("没有到账", "zh-hans"),
        ("Nothing arrived", "en"),
        ("", "zh-hans"),
        ("订单 LT1 help", "zh-hans"),
    ],
)
def test_the_language_to_answer_in(text: str, language: str) -> None:
    assert read_letter(compose(text, subject="")).language == language
