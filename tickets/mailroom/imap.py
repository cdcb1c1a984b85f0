"""A mailbox over IMAP: which mails are new, their bytes, and the mark that they were taken. The
only place that talks to a mailbox."""

import imaplib
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import unquote, urlsplit

TIMEOUT_S = 15.0
PORTS = {"imap+ssl": 993, "imaps": 993, "imap+tls": 143, "imap": 143}
LOOPBACK = ("127.0.0.1", "localhost", "::1")
SIZE = re.compile(rb"RFC822\.SIZE (\d+)")


class UnableToPoll(Exception):
    """The mailbox cannot be read now; the text says why, and holds no password."""


class UnableToTake(Exception):
    """The server will not give this one mail, or not let it be marked."""


@dataclass(frozen=True)
class Account:
    scheme: str
    host: str
    port: int
    user: str
    password: str
    folder: str

    @property
    def key(self) -> str:
        return f"{self.user}@{self.host}:{self.port}/{self.folder}"[:250]


def read_account(url: str) -> Account:
    """This function will read IMAP_URL.

    :raises UnableToPoll: it is not such a URL; plain IMAP is for this machine alone.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UnableToPoll(f"IMAP_URL: {error}") from error
    if parts.scheme not in PORTS or not parts.hostname or not parts.username:
        raise UnableToPoll("IMAP_URL must look like imap+ssl://user:password@host/INBOX")
    if parts.scheme == "imap" and parts.hostname not in LOOPBACK:
        raise UnableToPoll("IMAP_URL: imap sends the password in the clear; use imap+ssl")
    folder = unquote(parts.path.strip("/")) or "INBOX"
    if not re.fullmatch(r"[\x20-\x7e]+", folder) or '"' in folder or "\\" in folder:
        raise UnableToPoll("IMAP_URL: write the folder's name in IMAP's own ASCII form")
    return Account(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        user=unquote(parts.username),
        password=unquote(parts.password or ""),
        folder=folder,
    )


@contextmanager
def open_folder(account: Account) -> Iterator["Folder"]:
    """This function will sign in and open the folder for reading and marking.

    :raises UnableToPoll: the server does not answer, refuses, or cannot be believed.
    """
    connection = None
    try:
        connection = connect(account)
        connection.login(account.user, account.password)
        introduce(connection)
        yield Folder(connection, account.folder)
    except (imaplib.IMAP4.error, OSError, EOFError, UnicodeError) as error:
        # Its text may repeat the command, and that the password.
        said = str(error).replace(account.password or "\0", "***")
        raise UnableToPoll(f"{type(error).__name__}: {said}"[:500]) from error
    finally:
        if connection is not None:
            leave(connection)


def connect(account: Account) -> imaplib.IMAP4:
    tls = ssl.create_default_context()
    if account.scheme in ("imap+ssl", "imaps"):
        return imaplib.IMAP4_SSL(account.host, account.port, ssl_context=tls, timeout=TIMEOUT_S)
    connection = imaplib.IMAP4(account.host, account.port, timeout=TIMEOUT_S)
    if account.scheme == "imap+tls":
        connection.starttls(ssl_context=tls)
    return connection


def introduce(connection: imaplib.IMAP4) -> None:
    """NetEase (163.com, 126.com) lets nobody read who has not said who he is (RFC 2971)."""
    _status, said = connection.capability()
    if b"ID" in said[0].split():
        connection.xatom("ID", '("name" "dispute-desk" "version" "1")')


def leave(connection: imaplib.IMAP4) -> None:
    try:
        connection.logout()
    except (imaplib.IMAP4.error, OSError, EOFError):
        connection.shutdown()


class Folder:
    """An open folder. Reading marks nothing; only ``mark_taken`` does."""

    def __init__(self, connection: imaplib.IMAP4, name: str) -> None:
        self.connection = connection
        self.ask("SELECT", *connection.select(f'"{name}"'))
        if "READ-ONLY" in connection.untagged_responses:
            raise imaplib.IMAP4.error("the folder may not be written to: no mail can be marked")
        self.uidvalidity = self.number("UIDVALIDITY")
        self.uidnext = self.number("UIDNEXT")

    def ask(self, what: str, status: str, answer: list[Any]) -> list[Any]:
        if status != "OK":
            raise imaplib.IMAP4.error(f"{what}: {answer[:1]}")
        return answer

    def number(self, name: str) -> int:
        _code, values = self.connection.response(name)
        if not values or not isinstance(values[0], bytes):
            raise imaplib.IMAP4.error(f"the server does not say its {name}")
        return int(values[0])

    def find_new(self, *, after: int, since: date) -> list[int]:
        """This function will list the numbers of mails that came after one, and of unread ones
        since a day, the oldest first."""
        day = f"{since.day}-{MONTHS[since.month - 1]}-{since.year}"
        found = self.search(f"UNSEEN SINCE {day}")
        # A range's end that is not there means the last mail: it may be older than asked for.
        found += [uid for uid in self.search(f"UID {after + 1}:*") if uid > after]
        return sorted(set(found))

    def search(self, criteria: str) -> list[int]:
        answer = self.ask("SEARCH", *self.connection.uid("SEARCH", criteria))
        return [int(uid) for part in answer if isinstance(part, bytes) for uid in part.split()]

    def read_size(self, uid: int) -> int | None:
        """This function will say a mail's size; None when it is gone meanwhile."""
        answer = self.take("FETCH", uid, "(RFC822.SIZE)")
        for part in answer:
            line = part[0] if isinstance(part, tuple) else part
            if line and (found := SIZE.search(line)):
                return int(found[1])
        return None

    def read_mail(self, uid: int, *, head_only: bool = False) -> bytes | None:
        """This function will fetch a mail without marking it; None when it is gone meanwhile."""
        what = "(BODY.PEEK[HEADER])" if head_only else "(BODY.PEEK[])"
        answer = self.take("FETCH", uid, what)
        return next((part[1] for part in answer if isinstance(part, tuple)), None)

    def mark_taken(self, uid: int) -> None:
        self.take("STORE", uid, "+FLAGS.SILENT", r"(\Seen)")

    def take(self, command: str, uid: int, *arguments: str) -> list[Any]:
        status, answer = self.connection.uid(command, str(uid), *arguments)
        if status != "OK":
            raise UnableToTake(f"{command} {uid}: {answer[:1]}")
        return answer


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
