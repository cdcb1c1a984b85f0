"""Celery, and everything that runs by the clock in one place.

Tasks are hints to look at rows: each may be lost, late or run twice without harm. Hence no task
carries an `eta`, results are ignored, and every periodic message expires before it could pile up.
"""

import os
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import worker_process_init
from django.conf import settings
from kombu import Queue

from helpdesk.lifeline import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "helpdesk.settings")


def every(seconds: float, task: str, *, expires: int, queue: str = "celery") -> dict[str, Any]:
    """A tick nobody took within `expires` seconds is dropped: the next one does its work."""
    return {
        "task": task,
        "schedule": seconds,
        "options": {"expires": expires, "queue": queue},
    }


def daily(hours: str, task: str, *, expires: int) -> dict[str, Any]:
    """At these hours of Shanghai's day, a crontab's way of saying it: "10" or "10-12"."""
    return {
        "task": task,
        "schedule": crontab(minute=0, hour=hours),
        "options": {"expires": expires},
    }


#: All that runs by the clock.
SCHEDULE = {
    # A worker whose clock is minutes ahead would throw away every tick that expires soon; as many
    # as these, one after the other with nothing due, are done within seconds.
    "sweep": every(1.0, "tickets.tasks.sweep", expires=600, queue="timers"),
    "relay": every(1.0, "tickets.tasks.relay", expires=5),
    "rescue-refunds": every(2.0, "orders.tasks.rescue_refunds", expires=10),
    "rescue-top-ups": every(2.0, "orders.tasks.rescue_top_ups", expires=10),
    "batches": every(5.0, "tickets.tasks.carry_on_batches", expires=5),
    "webhooks": every(2.0, "tickets.tasks.deliver_webhooks", expires=5),
    "forget-deliveries": every(3600.0, "tickets.tasks.forget_deliveries", expires=600),
    "watchdog": every(60.0, "tickets.tasks.watchdog", expires=60),
    "forget-answers": every(3600.0, "orders.tasks.forget_answers", expires=600),
    "forget-callbacks": every(3600.0, "orders.tasks.forget_callbacks", expires=600),
    "erase-bank-details": every(3600.0, "tickets.tasks.erase_spent_details", expires=600),
    "draw-closures": every(3600.0, "tickets.tasks.draw_closures", expires=600),
    "recount-outside-cases": every(3600.0, "tickets.tasks.recount_outside_cases", expires=600),
    # Channels have yesterday's bills from ten on; twice again for one that is late.
    "reconcile": daily("10-12", "orders.tasks.start_reconciling", expires=3000),
}


def outside_schedule() -> dict[str, Any]:
    """What runs only where the settings name something to read."""
    schedule = {}
    if settings.IMAP_URL:
        schedule["poll-mail"] = every(30.0, "tickets.tasks.poll_mail", expires=30)
    if settings.SHOP_DB_URL:
        schedule["poll-shop"] = every(30.0, "orders.tasks.poll_shop", expires=30)
    return schedule


def configuration() -> dict[str, Any]:
    """Called when Celery first needs it: settings import this package, so they come first."""
    return {
        "broker_url": settings.CELERY_BROKER_URL,
        "timezone": settings.TIME_ZONE,
        "task_default_queue": "celery",
        "task_queues": [Queue("celery"), Queue("timers")],
        "task_routes": {"tickets.tasks.sweep": {"queue": "timers"}},
        "task_ignore_result": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_soft_time_limit": 50,
        "task_time_limit": 60,
        "worker_prefetch_multiplier": 1,
        # A broker that is away is waited for, at the start and later.
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_connection_timeout": 2,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "broker_transport_options": {
            "socket_connect_timeout": 2,
            "socket_timeout": 5,
            "socket_keepalive": True,
            "retry_on_timeout": False,
            "health_check_interval": 10,
            # What a worker killed outright had taken comes back after this long; a task that runs
            # longer would be handed out twice, so it stays above task_time_limit.
            "visibility_timeout": 90,
        },
        "worker_hijack_root_logger": False,
        "beat_max_loop_interval": 1,
        "beat_schedule": SCHEDULE | outside_schedule(),
    }


app = Celery("helpdesk")
app.add_defaults(configuration)
app.autodiscover_tasks()


@worker_process_init.connect
def end_with_the_worker(**kwargs: Any) -> None:
    # A pool process whose worker was killed would go on with its task beside the new worker's.
    die_with_parent(os.getppid())
