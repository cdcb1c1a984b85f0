"""E-mail through whatever EMAIL_URL names. The only place that talks to a mail server."""

from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage

from tickets.notifiers.base import Letter, UnableToSend


def is_configured() -> bool:
    return True


def send(letter: Letter) -> str:
    """This function will hand one message to the mail server.

    :raises UnableToSend: the server did not take it.
    """
    message = EmailMessage(
        subject=letter.subject,
        body=letter.body,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[letter.recipient],
        headers=dict(letter.headers),
    )
    try:
        message.send(fail_silently=False)
    except (SMTPException, OSError) as error:
        raise UnableToSend(f"{type(error).__name__}: {error}") from error
    return ""


def was_sent(letter: Letter) -> bool | None:
    return None
