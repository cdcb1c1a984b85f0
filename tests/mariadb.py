"""A database server of the tests' own: MariaDB from Debian's packages, on a socket, in a folder of
its own; gone when the tests are. Nothing of a MariaDB that runs on this machine is touched."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pymysql

from tests.desk import wait_until

#: For those who start it by another name than root's.
PATHS = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
READER, PASSWORD = "desk_reader", "p@ss/w:rd%1"


def find_mariadb() -> str | None:
    found = [shutil.which(name, path=PATHS) for name in ("mariadbd", "mariadb-install-db")]
    return found[0] if all(found) else None


@dataclass
class MariaDB:
    folder: Path
    process: "subprocess.Popen[bytes] | None" = None
    database: str = "shop"

    @property
    def socket(self) -> Path:
        return self.folder / "sock"

    def url(self, user: str = READER, password: str = PASSWORD) -> str:
        who = f"{user}:{quote(password, safe='')}"
        return f"mysql://{who}@localhost/{self.database}?unix_socket={self.socket}"

    @contextmanager
    def signed_in(self, database: str | None = None) -> Iterator[Any]:
        """The shop's own session, which may do everything."""
        connection = pymysql.connect(
            unix_socket=str(self.socket),
            user=me(),
            database=database,
            charset="utf8mb4",
            autocommit=True,
            client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS,
        )
        try:
            yield connection.cursor()
        finally:
            connection.close()

    def run(self, sql: str, *arguments: Any) -> None:
        with self.signed_in(self.database) as cursor:
            cursor.execute(sql, arguments or None)

    def new_shop(self, database: str, tables: str, grants: list[str]) -> None:
        """An empty shop with the tables of its script, and a reader who may read them."""
        self.database = database
        with self.signed_in() as cursor:
            cursor.execute(f"CREATE DATABASE {database} CHARACTER SET utf8mb4")
            cursor.execute(
                f"CREATE USER IF NOT EXISTS {READER}@localhost IDENTIFIED BY %s", (PASSWORD,)
            )
        self.run(tables)
        for grant in grants:
            self.run(grant.format(database=database, reader=f"{READER}@localhost"))

    def start(self) -> None:
        program = find_mariadb()
        assert program is not None
        with open(self.folder / "output", "ab") as output:
            self.process = subprocess.Popen(
                [program, "--no-defaults", *self.options()],
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        wait_until(self.answers, 120)

    def options(self) -> list[str]:
        return [
            f"--user={me()}",
            f"--datadir={self.folder / 'data'}",
            f"--socket={self.socket}",
            f"--pid-file={self.folder / 'pid'}",
            "--skip-networking",
            "--innodb-buffer-pool-size=32M",
            "--innodb-flush-log-at-trx-commit=0",
        ]

    def answers(self) -> bool:
        assert self.process is not None
        output = (self.folder / "output").read_text(errors="replace")
        assert self.process.poll() is None, f"MariaDB ended: {output}"
        try:
            with self.signed_in() as cursor:
                return bool(cursor.execute("SELECT 1"))
        except pymysql.MySQLError:
            return False

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
            self.process = None


def me() -> str:
    """Whoever started it is its administrator, by the socket."""
    return pwd.getpwuid(os.geteuid()).pw_name


@contextmanager
def private_mariadb() -> Iterator[MariaDB]:
    """This function will run a MariaDB until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="helpdesk-mysql-"))
    server = MariaDB(folder)
    try:
        install = shutil.which("mariadb-install-db", path=PATHS)
        assert install is not None
        subprocess.run(
            [
                install,
                "--no-defaults",
                f"--user={me()}",
                f"--datadir={folder / 'data'}",
                "--auth-root-authentication-method=socket",
                f"--auth-root-socket-user={me()}",
                "--skip-test-db",
            ],
            check=True,
            capture_output=True,
        )
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
