"""Mail that no person wrote, or that we wrote ourselves: it is kept and never answered."""

from collections.abc import Collection

from tickets.mailroom.letters import Letter
from tickets.mailroom.marks import AUTOMATIC_SUBJECT

BOUNCERS = ("mailer-daemon", "postmaster", "mail-daemon", "mdaemon")
#: Nobody reads what is sent there.
DEAF = ("noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "notification")
ANSWERING_MACHINES = ("X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Reply")
LISTS = ("List-Id", "List-Post", "List-Unsubscribe", "Mailing-List")
#: Our own mails carry this, so that one that comes back is known, whoever sent it back.
LOOP_HEADER = "X-Loop"


def find_reason_to_ignore(letter: Letter, *, own_addresses: Collection[str]) -> str:
    """This function will name why a mail is not to be handled, or "" when a person wrote it.

    RFC 3834: an automatic mail is never answered, so that two machines do not write to each other
    for ever.
    """
    if not letter.sender:
        return "no_sender"
    if letter.sender in own_addresses or is_loop(letter, own_addresses):
        return "own_mail"
    if is_bounce(letter):
        return "bounce"
    if is_list(letter):
        return "mailing_list"
    return "auto_reply" if is_automatic(letter) else ""


def is_loop(letter: Letter, own_addresses: Collection[str]) -> bool:
    return letter.header(LOOP_HEADER).strip().lower() in own_addresses


def is_bounce(letter: Letter) -> bool:
    report = letter.message.get_content_type() == "multipart/report"
    nobody = letter.header("Return-Path").strip() == "<>" or letter.header("X-Failed-Recipients")
    return report or bool(nobody) or local_part(letter) in BOUNCERS


def is_list(letter: Letter) -> bool:
    precedence = letter.header("Precedence").strip().lower()
    return precedence in ("bulk", "list", "junk") or any(letter.header(name) for name in LISTS)


def is_automatic(letter: Letter) -> bool:
    submitted = letter.header("Auto-Submitted").split(";")[0].strip().lower()
    return (
        submitted not in ("", "no")
        or letter.header("Precedence").strip().lower() == "auto_reply"
        or any(letter.header(name) for name in ANSWERING_MACHINES)
        or bool(AUTOMATIC_SUBJECT.match(letter.subject))
        or local_part(letter) in DEAF
    )


def local_part(letter: Letter) -> str:
    return letter.sender.partition("@")[0]
