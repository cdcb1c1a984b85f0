"""A database for one measurement: on the server that was named, on this machine's, or on one
that is brought along."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

#: Where a PostgreSQL of this machine usually answers, asked in this order.
USUAL_ADDRESSES = (
    "postgres://postgres@127.0.0.1:5432/postgres",
    "postgres://postgres@/postgres?host=/var/run/postgresql",
)


@contextmanager
def own_database(name: str) -> Iterator[str]:
    """This function will yield the DATABASE_URL of an empty database and drop it afterwards."""
    with server_url() as server:
        unique = f"bench_{name}_{secrets.token_hex(4)}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(unique)))
        try:
            yield urlunsplit(urlsplit(server)._replace(path=f"/{unique}"))
        finally:
            with psycopg.connect(server, autocommit=True) as connection:
                drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
                connection.execute(drop.format(sql.Identifier(unique)))


@contextmanager
def copy_of(url: str, name: str) -> Iterator[str]:
    """This function will yield a copy of a database nobody is connected to, and drop it."""
    parts = urlsplit(url)
    unique = f"bench_{name}_{secrets.token_hex(4)}"
    names = (sql.Identifier(unique), sql.Identifier(parts.path.lstrip("/")))
    admin_url = urlunsplit(parts._replace(path="/postgres"))
    with psycopg.connect(admin_url, autocommit=True) as server:
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        server.execute(copy.format(*names))
        server.execute("CHECKPOINT")
    try:
        yield urlunsplit(parts._replace(path=f"/{unique}"))
    finally:
        with psycopg.connect(admin_url, autocommit=True) as server:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(names[0]))


@contextmanager
def server_url() -> Iterator[str]:
    """This function will yield the address of a server that lets us make databases."""
    for url in filter(None, [os.environ.get("DATABASE_URL"), *USUAL_ADDRESSES]):
        if url == os.environ.get("DATABASE_URL") or _lets_us_in(url):
            yield url
            return
    from tests.postgres import private_postgres

    with private_postgres() as url:
        yield url


def _lets_us_in(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            found = connection.execute(
                "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
            return found is not None and bool(found[0])
    except psycopg.Error:
        return False
