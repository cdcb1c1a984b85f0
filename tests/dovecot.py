"""A mail server of the tests' own: Dovecot from Debian's packages, on a free port, in a folder of
its own; gone when the tests are. Nothing of a Dovecot that runs on this machine is touched."""

import datetime
import grp
import imaplib
import ipaddress
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.desk import free_port, wait_until

PASSWORD = "p@ss/w:rd%1"
#: For those who start it by another name than root's.
PATHS = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
mail_location = maildir:{folder}/mail/%u
default_internal_user = {internal}
default_login_user = {login}
default_internal_group = {group}
first_valid_uid = 1
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {ssl_port}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


def find_dovecot() -> str | None:
    return shutil.which("dovecot", path=PATHS)


@dataclass
class Dovecot:
    port: int
    ssl_port: int
    folder: Path
    #: Everybody with the password has a mailbox: each test takes another one.
    user: str = "desk@desk.example.com"
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def certificate(self) -> Path:
        return self.folder / "cert.pem"

    def url(self, scheme: str = "imap", folder: str = "INBOX", password: str = PASSWORD) -> str:
        port = self.ssl_port if scheme in ("imap+ssl", "imaps") else self.port
        user = f"{quote(self.user, safe='')}:{quote(password, safe='')}"
        return f"{scheme}://{user}@127.0.0.1:{port}/{folder}"

    @contextmanager
    def signed_in(self, folder: str = "INBOX") -> Iterator[imaplib.IMAP4]:
        """A customer's, or another person's, own look into the mailbox."""
        connection = imaplib.IMAP4("127.0.0.1", self.port, timeout=30)
        try:
            connection.login(self.user, PASSWORD)
            connection.select(folder)
            yield connection
        finally:
            connection.logout()

    def put(self, raw: bytes, *, flags: str = "", at: str = "", folder: str = "INBOX") -> None:
        with self.signed_in() as connection:
            status, answer = connection.append(folder, flags, at, raw)
            assert status == "OK", answer

    def find(self, criteria: str, folder: str = "INBOX") -> list[int]:
        with self.signed_in(folder) as connection:
            _status, answer = connection.uid("SEARCH", criteria)
            return [int(uid) for uid in answer[0].split()]

    def number_anew(self) -> None:
        """As when a mailbox is moved to another server."""
        for path in (self.folder / "mail" / self.user).glob("dovecot*"):
            path.unlink()

    def start(self) -> None:
        self.process = start_server(self.folder)
        wait_until(self.answers, 60)

    def answers(self) -> bool:
        assert self.process is not None
        log = self.folder / "log"
        text = log.read_text(errors="replace") if log.exists() else ""
        assert self.process.poll() is None, f"Dovecot ended: {text}"
        try:
            imaplib.IMAP4("127.0.0.1", self.port, timeout=5).shutdown()
        except (OSError, imaplib.IMAP4.error):
            return False
        return True

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
            self.process = None


@contextmanager
def private_dovecot() -> Iterator[Dovecot]:
    """This function will run a Dovecot until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="helpdesk-imap-"))
    folder.chmod(0o755)
    server = Dovecot(free_port(), free_port(), folder)
    try:
        write_certificate(folder)
        for name in ("run", "state", "mail", "home"):
            (folder / name).mkdir()
        give_away(folder / "mail", folder / "home")
        (folder / "dovecot.conf").write_text(configuration(server))
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def accounts() -> dict[str, str | int]:
    """As root it becomes others; as anybody else it stays who it is."""
    me = pwd.getpwuid(os.geteuid())
    group = grp.getgrgid(me.pw_gid).gr_name
    if me.pw_uid:
        both = {"uid": me.pw_uid, "gid": me.pw_gid}
        return {"internal": me.pw_name, "login": me.pw_name, "group": group, **both}
    nobody = pwd.getpwnam("nobody")
    both = {"uid": nobody.pw_uid, "gid": nobody.pw_gid}
    return {"internal": "dovecot", "login": "dovenull", "group": "dovecot", **both}


def give_away(*folders: Path) -> None:
    if os.geteuid() == 0:
        for folder in folders:
            os.chown(folder, int(accounts()["uid"]), int(accounts()["gid"]))


def configuration(server: Dovecot) -> str:
    return CONFIG.format(
        folder=server.folder,
        port=server.port,
        ssl_port=server.ssl_port,
        password=PASSWORD.replace("%", "%%"),
        **accounts(),
    )


def start_server(folder: Path) -> "subprocess.Popen[bytes]":
    program = find_dovecot()
    assert program is not None
    with open(folder / "output", "ab") as output:
        return subprocess.Popen(
            [program, "-F", "-c", folder / "dovecot.conf"],
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
        )


def write_certificate(folder: Path) -> None:
    """For 127.0.0.1, signed by itself: a client must be told to trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.fromtimestamp(time.time(), tz=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
