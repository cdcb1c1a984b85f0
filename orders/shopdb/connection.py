"""The only place that speaks to a shop's database: SELECT and nothing else, within a time."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pymysql
from django.utils.translation import gettext as _
from pymysql.cursors import DictCursor

logger = logging.getLogger(__name__)

CONNECT_S = 5
#: Of one statement, on the shop's side; the socket waits a little longer.
STATEMENT_S = 15
SOCKET_S = STATEMENT_S + 5
DEFAULT_PORT = 3306
DATABASE = re.compile(r"[0-9A-Za-z_$.-]{1,64}")

Row = dict[str, Any]


class UnableToReadShop(Exception):
    """The shop's database does not answer, or not in the way its script is known to."""


@dataclass(frozen=True)
class Account:
    host: str
    port: int
    user: str
    database: str
    password: str = field(repr=False)
    unix_socket: str = ""
    ssl_ca: str = ""


def read_account(url: str) -> Account:
    """This function will read SHOP_DB_URL; special characters of the password stand as %40.

    :raises UnableToReadShop: saying what the address should look like.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORT
    except ValueError:
        raise bad_address() from None
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    database = unquote(parts.path.removeprefix("/"))
    known = {"unix_socket", "ssl_ca"}
    if parts.scheme not in ("mysql", "mariadb") or set(query) - known or not parts.username:
        raise bad_address()
    if not DATABASE.fullmatch(database) or not (parts.hostname or query.get("unix_socket")):
        raise bad_address()
    return Account(
        host=parts.hostname or "",
        port=port,
        user=unquote(parts.username),
        password=unquote(parts.password or ""),
        database=database,
        unix_socket=query.get("unix_socket", ""),
        ssl_ca=query.get("ssl_ca", ""),
    )


def bad_address() -> UnableToReadShop:
    example = "mysql://desk_reader:password@shop.example.com:3306/shop"
    return UnableToReadShop(_("SHOP_DB_URL must look like %(example)s") % {"example": example})


@dataclass(frozen=True)
class Shop:
    """An open session, read only by its own settings whatever the account may do."""

    connection: Any

    def fetch(self, sql: str, arguments: tuple[Any, ...] = ()) -> list[Row]:
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(sql, arguments)
                return list(cursor.fetchall())
        except (pymysql.MySQLError, OSError) as error:
            raise unreadable(error) from error


@contextmanager
def open_shop(account: Account) -> Iterator[Shop]:
    """This function will keep a session open until the block ends.

    :raises UnableToReadShop: no answer in time, or the account is refused.
    """
    options: dict[str, Any] = {"ssl_ca": account.ssl_ca} if account.ssl_ca else {}
    if account.unix_socket:
        options["unix_socket"] = account.unix_socket
    try:
        connection = pymysql.connect(
            host=account.host or "localhost",
            port=account.port,
            user=account.user,
            password=account.password,
            database=account.database,
            charset="utf8mb4",
            autocommit=True,
            cursorclass=DictCursor,
            connect_timeout=CONNECT_S,
            read_timeout=SOCKET_S,
            write_timeout=SOCKET_S,
            **options,
        )
    except (pymysql.MySQLError, OSError) as error:
        raise unreadable(error) from error
    try:
        shop = Shop(connection)
        shop.fetch("SET SESSION TRANSACTION READ ONLY")
        shop.fetch(limit_statements(connection.get_server_info()))
        yield shop
    finally:
        close(connection)


def limit_statements(version: str) -> str:
    """The two families name the same limit differently: in seconds, in milliseconds."""
    if "mariadb" in version.lower():
        return f"SET SESSION max_statement_time = {STATEMENT_S}"
    return f"SET SESSION max_execution_time = {STATEMENT_S * 1000}"


def close(connection: Any) -> None:
    try:
        connection.close()
    except (pymysql.MySQLError, OSError) as error:
        logger.info("the shop's database was gone at the end: %s", error)


def unreadable(error: BaseException) -> UnableToReadShop:
    """The driver's own words: they name host, account, table or column, never the password."""
    words = [str(word) for word in error.args] or [type(error).__name__]
    return UnableToReadShop(": ".join(words)[:500])
