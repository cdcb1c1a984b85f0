"""How mail programs mark what is quoted, and how people name the four characters. Data only."""

import re

#: The rest of the mail is somebody's earlier words.
ORIGINAL = re.compile(
    r"""^[\s>]*(?:
        -{2,}\s*(?:original\s+message|forwarded\s+message|原始邮件|转发邮件|转发的邮件|回复的原邮件)\s*-{2,}
        | _{10,}
        | begin\s+forwarded\s+message:
    )\s*$""",
    re.IGNORECASE | re.VERBOSE,
)
#: "On ..., somebody wrote:"; such a line may be broken in two.
ATTRIBUTION = re.compile(
    r"""^[\s>]*(?:
        (?:on|at)\b.{4,200}\bwrote\s*[:：]
        | .{0,200}(?:写道|来信|编写|发送的邮件)\s*[:：]
        | .{1,100}<[^<>\s]+@[^<>\s]+>\s*(?:于|在).{4,80}(?:写道|编写)\s*[:：]
    )\s*$""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
#: The head of an earlier mail: two of these lines in a row begin it.
HEAD_LINE = re.compile(
    r"^[\s>*]*(?:from|sent|date|to|cc|subject|reply-to|"
    r"发件人|发送时间|发送日期|发送于|日期|时间|收件人|抄送|主题|邮件主题)\s*\*?\s*[:：]",
    re.IGNORECASE,
)
#: Only such a line can be the first of two.
ATTRIBUTION_BEGINS = re.compile(r"^[\s>]*(?:(?:on|at)\b|在|于|\d{4})|@", re.IGNORECASE)
#: A telephone's or a mail program's own line.
ADVERTISEMENT = re.compile(
    r"^(?:发自我的.{0,30}|从我的.{0,30}发送|来自我的.{0,30}|"
    r"sent\s+from\s+my\s.{1,40}|发送自.{0,30}|使用.{0,20}邮箱.{0,10}发送)$",
    re.IGNORECASE,
)
#: Begins the subject of an answer that no person wrote.
AUTOMATIC_SUBJECT = re.compile(
    r"^\s*(?:自动回复|自動回覆|自动答复|不在办公室|休假|系统退信|退信|"
    r"auto(?:matic)?[\s-]*(?:reply|response)|out\s+of\s+(?:the\s+)?office|"
    r"undeliver(?:able|ed)|mail\s+delivery\s+(?:failed|failure)|"
    r"delivery\s+status\s+notification|returned\s+mail)",
    re.IGNORECASE,
)
#: How people introduce the last four characters.
LAST_FOUR = re.compile(
    r"(?:后四位|后4位|後四位|末四位|末4位|尾号|尾數|最后四位|最后4位|"
    r"last\s*(?:four|4)(?:\s+(?:digits|characters|letters))?)",
    re.IGNORECASE,
)
