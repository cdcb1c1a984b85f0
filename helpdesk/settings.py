"""One installation's settings. Everything that differs between installations comes from the
environment (or `.env`); `.env.example` lists it all."""

import errno
import os
import secrets
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlsplit

import environ
import sentry_sdk
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from helpdesk.admin_skin import UNFOLD as UNFOLD

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
env.read_env(BASE_DIR / ".env")

# --- Where this copy keeps its things ---------------------------------------------------------

HELPDESK_DATA = Path(env.str("HELPDESK_DATA", default="") or BASE_DIR / "var").resolve()
try:
    HELPDESK_DATA.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(HELPDESK_DATA, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
except OSError as _error:
    raise ImproperlyConfigured(
        f"the data folder {HELPDESK_DATA} cannot be written: {_error.strerror}. "
        "Choose another one: HELPDESK_DATA=/a/folder/of/yours ./run"
    ) from _error

DEBUG = env.bool("DEBUG", default=False)
# Set by `./run`: this copy is one machine's own. It is a demo until something is said that only
# a real installation says.
EMBEDDED = env.bool("HELPDESK_EMBEDDED", default=False)
_configured = any(
    env.str(name, default="") for name in ("SECRET_KEY", "ALLOWED_HOSTS", "SITE_URL", "EMAIL_URL")
)
DEMO = env.bool("DEMO", default=EMBEDDED and not _configured)
try:
    PORT = env.int("PORT", default=8000)
except ValueError:
    PORT = 0
if not 0 < PORT < 65536:
    raise ImproperlyConfigured("PORT must be a number from 1 to 65535, such as 8000.")
# The demo's passwords are printed and its money is simulated: it never listens to the network.
HOST = "127.0.0.1" if DEMO else env.str("HOST", default="127.0.0.1")
PRODUCTION = not (DEBUG or DEMO)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[])
SITE_URL = env.str("SITE_URL", default="").rstrip("/")
SITE_URL_IS_GUESSED = not SITE_URL
if SITE_URL_IS_GUESSED:
    # A desk that named its hosts is served there; one that named nothing, on this machine.
    SITE_URL = (
        f"https://{ALLOWED_HOSTS[0].lstrip('*.')}"
        if PRODUCTION and ALLOWED_HOSTS
        else f"http://127.0.0.1:{PORT}"
    )
ALLOWED_HOSTS = ALLOWED_HOSTS or list(
    {"127.0.0.1", "localhost", "[::1]", urlsplit(SITE_URL).hostname or "localhost"}
)


def _kept_secret_key(path: Path) -> str:
    """Several processes start at once: whoever links first wins, the others read his."""
    if not path.exists():
        mine = path.with_name(f".{path.name}.{os.getpid()}")
        mine.touch(mode=0o600)
        mine.write_text(secrets.token_urlsafe(64), encoding="ascii")
        try:
            os.link(mine, path)
        except FileExistsError:
            pass
        finally:
            mine.unlink()
    return path.read_text(encoding="ascii").strip()


SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY:
    if PRODUCTION and env.str("DATABASE_URL", default="").startswith("postgres"):
        raise ImproperlyConfigured(
            "SECRET_KEY is not set. A desk on its own database needs one of its own, the same on "
            "every host: python3 -c 'import secrets; print(secrets.token_urlsafe(64))'"
        )
    SECRET_KEY = _kept_secret_key(HELPDESK_DATA / "secret_key")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# --- Applications -----------------------------------------------------------------------------

INSTALLED_APPS = [
    "helpdesk.apps.HelpdeskConfig",
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "orders",
    "tickets",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "helpdesk.csp.LoosenByPath",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "helpdesk.nul.RefuseNul",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "helpdesk.no_such_row.NoSuchRow",
]

ROOT_URLCONF = "helpdesk.urls"
WSGI_APPLICATION = "helpdesk.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "admin:login"
# The sign-in page of the admin's skin carries no address to go on to.
LOGIN_REDIRECT_URL = "admin:index"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Database: the truth ----------------------------------------------------------------------

DATABASES = {
    "default": env.db_url_config(
        env.str("DATABASE_URL", default="") or f"sqlite:///{HELPDESK_DATA / 'db.sqlite3'}"
    )
}
_database = DATABASES["default"]
if "ENGINE" not in _database:
    raise ImproperlyConfigured(
        "DATABASE_URL must look like postgres://user:password@host:5432/name or sqlite:////path"
    )
_database["ATOMIC_REQUESTS"] = False
if _database["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE: a transaction that reads first and writes later would otherwise fail at once with
    # "database is locked" when another wrote in between, whatever the timeout.
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # The second: INSERT OR REPLACE is a deletion, which append-only tables must hear of.
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA recursive_triggers=ON",
    } | _database.get("OPTIONS", {})
else:
    _database["CONN_MAX_AGE"] = 60
    _database["CONN_HEALTH_CHECKS"] = True
    # Compiling a statement to machine code took seconds of some that run for milliseconds.
    _database["OPTIONS"] = {"connect_timeout": 5, "options": "-c jit=off"} | _database.get(
        "OPTIONS", {}
    )
if _test_db_name := env.str("TEST_DB_NAME", default=""):
    _database["TEST"] = {"NAME": _test_db_name}

# --- Broker and cache: hints, they may vanish --------------------------------------------------


def _redis_url() -> str:
    """`./run` starts a Valkey of its own and writes down where; a lone manage.py finds it so. An
    unknown server on port 6379 is never taken for ours."""
    recorded = HELPDESK_DATA / "redis_url"
    if url := env.str("REDIS_URL", default=""):
        return url
    if recorded.exists():
        return recorded.read_text(encoding="utf-8").strip()
    return f"unix://{HELPDESK_DATA / 'valkey.sock'}"


REDIS_URL = _redis_url()
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="") or REDIS_URL.replace(
    "unix://", "redis+socket://", 1
)
CACHES = {
    "default": {
        "BACKEND": "helpdesk.cache.FallbackCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "desk",
        "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
    }
}

# --- Language and time ------------------------------------------------------------------------

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True

# --- Files ------------------------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = HELPDESK_DATA / "static"
STATICFILES_DIRS = [path for path in [BASE_DIR / "static"] if path.is_dir()]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# Proofs are served by a view that asks who is looking, never by address: there is no MEDIA_URL.
_media = urlsplit(env.str("MEDIA_STORAGE_URL", default="") or f"file://{HELPDESK_DATA / 'media'}")
if _media.scheme != "file" or _media.netloc or not _media.path:
    raise ImproperlyConfigured("MEDIA_STORAGE_URL must look like file:///absolute/path")
MEDIA_ROOT = Path(_media.path)
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700

# --- Mail -------------------------------------------------------------------------------------

EMAIL_URL = env.str("EMAIL_URL", default="")
MAILBOX_DIR = HELPDESK_DATA / "mail"
EMAIL_BACKEND = "helpdesk.mailbox.MailboxBackend"
EMAIL_TIMEOUT = 10
if EMAIL_URL:
    globals().update(env.email_url("EMAIL_URL"))
DEFAULT_FROM_EMAIL = (
    env.str("DEFAULT_FROM_EMAIL", default="")
    or f"desk@{urlsplit(SITE_URL).hostname or 'localhost'}"
)
SERVER_EMAIL = DEFAULT_FROM_EMAIL
# Mail that comes in: the mailbox that is read, and the address by which customers reach it.
IMAP_URL = env.str("IMAP_URL", default="")
IMAP_ADDRESS = (env.str("IMAP_ADDRESS", default="") or parseaddr(DEFAULT_FROM_EMAIL)[1]).lower()

# --- A shop's own database, read only (docs/shop-scripts.md) ----------------------------------

SHOP_DB_URL = env.str("SHOP_DB_URL", default="")
SHOP_DB_PRESET = env.str("SHOP_DB_PRESET", default="")
SHOP_DB_PREFIX = env.str("SHOP_DB_PREFIX", default="acg_")
SHOP_DB_CHANNELS = env.dict("SHOP_DB_CHANNELS", default={})
SHOP_DB_TIME_ZONE = env.str("SHOP_DB_TIME_ZONE", default="Asia/Shanghai")
SHOP_DB_MANUAL_ARRIVAL = env.str("SHOP_DB_MANUAL_ARRIVAL", default="PT24H")
SHOP_DB_ALARM_MINUTES = env.int("SHOP_DB_ALARM_MINUTES", default=15)

# --- Security ---------------------------------------------------------------------------------

SESSION_ENGINE = "django.contrib.sessions.backends.db"
# Plain HTTP only where SITE_URL says so, and for `./run` on this machine.
HTTPS = SITE_URL.startswith("https://") or (PRODUCTION and SITE_URL_IS_GUESSED and not EMBEDDED)
SECURE_SSL_REDIRECT = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
# The probes of a load balancer come over plain HTTP.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^healthz/timers$", r"^readyz$", r"^metrics$"]
# A tracking address is a key: it must not travel to other sites.
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# --- API --------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    # How many proxies stand before gunicorn and append to X-Forwarded-For; throttles count by it.
    "NUM_PROXIES": env.int("NUM_PROXIES", default=0),
    "EXCEPTION_HANDLER": "orders.api.problems.answer_with_problem",
}
# Calls a minute: by one key, and by one address without a key.
API_RATE_PER_MINUTE = env.int("API_RATE_PER_MINUTE", default=30_000)
API_ANONYMOUS_RATE_PER_MINUTE = env.int("API_ANONYMOUS_RATE_PER_MINUTE", default=120)
SPECTACULAR_SETTINGS = {
    "TITLE": "Top-up dispute desk",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    # The schema's names of what several tables call status, state or kind.
    "ENUM_NAME_OVERRIDES": {
        "ApprovalAction": "tickets.models.Approval.Action",
        "BreachKind": "tickets.models.Deadline.Kind",
        "CauseCode": "tickets.models.Breach.CauseCode",
        "DeadlineState": "tickets.models.Deadline.State",
        "EventKind": "tickets.models.Event.Kind",
        "EvidenceKind": "tickets.models.Evidence.Kind",
        "OrderEventKind": "orders.models.OrderEvent.Kind",
        "OrderStatus": "orders.models.Order.Status",
        "PaymentStatus": "orders.models.Payment.Status",
        "ProductKind": "orders.models.Order.ProductKind",
        "RefundState": "orders.models.Refund.State",
        "TicketOutcome": "tickets.models.Ticket.Outcome",
        "TicketStatus": "tickets.models.Ticket.Status",
        "TopUpState": "orders.models.TopUp.State",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "orders.api.schema.describe_problems",
    ],
}

# --- Logs -------------------------------------------------------------------------------------

LOG_FORMAT = env.str("LOG_FORMAT", default="") or "text"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"format": "{asctime} {levelname} {name} {message}", "style": "{"},
        "json": {"()": "helpdesk.logs.JsonFormatter"},
    },
    "filters": {"hide_keys": {"()": "helpdesk.logs.HideKeys"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "json" if LOG_FORMAT == "json" else "text",
            "filters": ["hide_keys"],
        }
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # Django's own handlers mail the admins or hide everything unless DEBUG is on.
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        # One line for every periodic message a second is noise.
        "celery.beat": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
    },
}

if _sentry_dsn := env.str("SENTRY_DSN", default=""):
    sentry_sdk.init(dsn=_sentry_dsn, send_default_pii=False, traces_sample_rate=0)

# --- Gateways ---------------------------------------------------------------------------------

# Here and not at the top: it reads what .env brought.
from helpdesk.gateways import *  # noqa: E402, F403
from helpdesk.notice_routes import *  # noqa: E402, F403
