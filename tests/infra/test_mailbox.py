import email
from email import policy

from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection

BACKEND = "helpdesk.mailbox.MailboxBackend"


def test_each_message_becomes_one_eml_that_a_mail_program_reads(settings, tmp_path):
    settings.MAILBOX_DIR = tmp_path / "mail"
    letter = EmailMultiAlternatives(
        "您的申诉单已受理", "退款时限照常计算", "desk@shop.example", ["lin@example.com"]
    )
    letter.attach_alternative("<p>退款时限照常计算</p>", "text/html")
    short = EmailMessage("第二封", "正文", "desk@shop.example", ["wang@example.com"])

    sent = get_connection(BACKEND).send_messages([letter, short])

    assert sent == 2
    files = sorted(settings.MAILBOX_DIR.iterdir())
    assert [path.suffix for path in files] == [".eml", ".eml"]
    first = email.message_from_bytes(files[0].read_bytes(), policy=policy.default)
    assert first["Subject"] == "您的申诉单已受理"
    assert first["To"] == "lin@example.com"
    assert "退款时限照常计算" in first.get_body(("plain",)).get_content()
    assert (settings.MAILBOX_DIR.stat().st_mode & 0o777) == 0o700
