"""gunicorn's configuration: `gunicorn -c python:helpdesk.web`."""

import os
from typing import Any

from django.conf import settings

from helpdesk.lifeline import die_with_parent

wsgi_app = "helpdesk.wsgi"
bind = f"{settings.HOST}:{settings.PORT}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 4
timeout = 60
graceful_timeout = 5
# Nobody uses it, and two copies on one machine would share its one place under ~/.gunicorn.
control_socket_disable = True


def post_fork(server: Any, worker: Any) -> None:
    die_with_parent(server.pid)
