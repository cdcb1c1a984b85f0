"""django-helpdesk, the peer that somebody who works in Python would choose, in a venv and a
database of its own. Stock settings; mail goes nowhere, as ours does not leave the machine."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

REQUIREMENTS = (
    "django-helpdesk==2.6.1",
    "django>=5.2,<5.3",
    "gunicorn",
    "psycopg[binary]>=3.3,<3.4",
)
PATIENCE_S = 600.0

SETTINGS = """
from pathlib import Path
import os
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "bench-bench-bench-bench-bench-bench-bench-bench-bench"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "testserver"]
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
    "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles",
    "django.contrib.sites", "django.contrib.humanize", "rest_framework",
    "django_cleanup.apps.CleanupConfig", "helpdesk",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "desk.urls"
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [], "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
WSGI_APPLICATION = "desk.wsgi.application"
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "CONN_MAX_AGE": 600,
    "NAME": os.environ["PEER_NAME"], "USER": os.environ["PEER_USER"],
    "PASSWORD": os.environ["PEER_PASSWORD"], "HOST": os.environ["PEER_HOST"],
    "PORT": os.environ["PEER_PORT"]}}
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
STATIC_URL = "/static/"
STATIC_ROOT = str(BASE_DIR / "static")
MEDIA_ROOT = str(BASE_DIR / "media")
MEDIA_URL = "/media/"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SITE_ID = 1
HELPDESK_TEAMS_MODE_ENABLED = False
LOGIN_URL = "helpdesk:login"
LOGIN_REDIRECT_URL = "helpdesk:home"
"""
URLS = """
from django.contrib import admin
from django.urls import include, path
urlpatterns = [path("admin/", admin.site.urls), path("helpdesk/", include("helpdesk.urls"))]
"""
#: Runs inside the peer: fills it with tickets, and says what a request needs to know.
FILL = '''
import json, sys, django
django.setup()
from django.contrib.auth import get_user_model
from django.contrib.sites.models import Site
from django.db import connection
from django.test import Client
from helpdesk.models import Queue, UserSettings
from helpdesk.query import query_to_base64
count, mixed = int(sys.argv[1]), sys.argv[2] == "mixed"
Site.objects.update_or_create(id=1, defaults={"domain": "127.0.0.1", "name": "bench"})
users = get_user_model().objects
for n in range(6):
    user, _ = users.get_or_create(username=f"agent{n}", defaults=dict(
        email=f"agent{n}@example.test", is_staff=True, is_superuser=n == 0))
    UserSettings.objects.get_or_create(user=user)
queue, _ = Queue.objects.get_or_create(slug="refund", defaults=dict(title="Refund",
    email_address="refund@example.test", allow_public_submission=True, escalate_days=1))
with connection.cursor() as c:
    c.execute("truncate helpdesk_ticket restart identity cascade")
    c.execute("""insert into helpdesk_ticket(title, queue_id, created, modified, submitter_email,
        assigned_to_id, status, on_hold, description, priority, secret_key)
      select 'Dispute about order '||g, %s, now()-interval '3 days'-(g||' seconds')::interval*%s,
        now()-interval '3 days', 'cust'||g||'@example.test',
        case when %s and g%%5=0 then null
          else (select id from auth_user where username='agent'||(g%%6)) end,
        case when %s and g%%10<3 then 4 else 1 end, false,
        'The credit of order '||g||' never arrived, I want my money back.', 3,
        gen_random_uuid()::text from generate_series(1,%s) g""",
      [queue.id, 10 if mixed else 0, mixed, mixed, count])
    c.execute("""insert into helpdesk_followup(ticket_id, date, title, comment, public)
      select id, created, 'Ticket Opened', description, true from helpdesk_ticket""")
    for table in ("helpdesk_ticket", "helpdesk_followup", "helpdesk_ticketchange"):
        c.execute(f"vacuum analyze {table}")
    c.execute("checkpoint")
client = Client()
client.force_login(users.get(username="agent0"))
query = query_to_base64({"filtering": {"status__in": [1, 2]}, "sorting": "created",
    "search_string": "", "sortreverse": False})
print(json.dumps({"queue": queue.id, "session": client.cookies["sessionid"].value,
    "list_query": query}))
'''


class NoPeer(Exception):
    """The peer cannot be installed here."""


@dataclass(frozen=True)
class Peer:
    """A copy of django-helpdesk that is ready to be measured."""

    folder: Path
    database_url: str

    @classmethod
    def install(cls, folder: Path, database_url: str) -> "Peer":
        """This function will install the peer the way its documentation says.

        :raises NoPeer: with the end of what pip or the peer said.
        """
        peer = cls(folder, database_url)
        (folder / "desk").mkdir(parents=True)
        (folder / "desk" / "__init__.py").touch()
        (folder / "desk" / "settings.py").write_text(SETTINGS)
        (folder / "desk" / "urls.py").write_text(URLS)
        (folder / "desk" / "wsgi.py").write_text(
            "from django.core.wsgi import get_wsgi_application\n"
            "application = get_wsgi_application()\n"
        )
        (folder / "fill.py").write_text(FILL)
        peer.attempt(sys.executable, "-m", "venv", str(folder / "venv"))
        peer.attempt(str(folder / "venv/bin/pip"), "install", "-q", *REQUIREMENTS)
        for command in (["migrate", "-v0"], ["loaddata", "-v0", "emailtemplate.json"]):
            peer.attempt(peer.python, "-m", "django", *command)
        peer.attempt(peer.python, "-m", "django", "collectstatic", "-v0", "--noinput")
        return peer

    @property
    def python(self) -> str:
        return str(self.folder / "venv/bin/python")

    def environment(self) -> dict[str, str]:
        parts = urlsplit(self.database_url)
        host = parts.hostname or dict(p.split("=") for p in parts.query.split("&") if p)["host"]
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            **{k: v for k, v in os.environ.items() if k.lower().endswith("_proxy")},
            **{k: v for k, v in os.environ.items() if k.startswith(("PIP_", "SSL_", "REQUESTS_"))},
            "DJANGO_SETTINGS_MODULE": "desk.settings",
            "PYTHONPATH": str(self.folder),
            "PEER_NAME": parts.path.lstrip("/"),
            "PEER_USER": parts.username or "",
            "PEER_PASSWORD": parts.password or "",
            "PEER_HOST": host,
            "PEER_PORT": str(parts.port or ""),
        }

    def attempt(self, *command: str) -> str:
        try:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=self.environment(),
                capture_output=True,
                text=True,
                check=False,
                timeout=PATIENCE_S,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NoPeer(f"{command[0]}: {error}") from error
        if done.returncode:
            raise NoPeer(f"{' '.join(command[:4])}: {done.stderr.strip()[-600:]}")
        return done.stdout

    def fill(self, tickets: int, *, mixed: bool) -> dict[str, Any]:
        """This function will leave exactly so many tickets there: all due, or as in daily life."""
        said = self.attempt(self.python, "fill.py", str(tickets), "mixed" if mixed else "due")
        found: dict[str, Any] = json.loads(said.splitlines()[-1])
        return found

    def escalate(self, tickets: int) -> float:
        """This function will say how many seconds the peer takes to escalate so many tickets."""
        self.fill(tickets, mixed=False)
        started = time.perf_counter()
        self.attempt(self.python, "-m", "django", "escalate_tickets")
        return time.perf_counter() - started

    def serve(self, port: int) -> "subprocess.Popen[bytes]":
        """This function will start its web server: gunicorn with two workers."""
        return subprocess.Popen(
            [
                *(str(self.folder / "venv/bin/gunicorn"), "desk.wsgi", "-w", "2"),
                *("-b", f"127.0.0.1:{port}", "--log-level", "warning", "--timeout", "300"),
            ],
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "web.log").open("wb"),
        )
