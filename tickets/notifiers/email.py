"""E-mail through whatever EMAIL_URL names. The only place that talks to a mail server."""

from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage

from tickets.notifiers.base import UnableToSend


def send(*, recipient: str, subject: str, body: str, headers: dict[str, str]) -> None:
    """This function will hand one message to the mail server.

    :raises UnableToSend: the server did not take it.
    """
    message = EmailMessage(
        subject=subject,
        body=body,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[recipient],
        headers=headers,
    )
    try:
        message.send(fail_silently=False)
    except (SMTPException, OSError) as error:
        raise UnableToSend(f"{type(error).__name__}: {error}") from error
