"""The settings under test: the product's own, on a throw-away folder and database."""

import atexit
import os
import shutil
import tempfile

# Children of the tests (workers, servers) inherit all of this, and use the same database.
if "HELPDESK_TESTS_PID" not in os.environ:
    os.environ["HELPDESK_TESTS_PID"] = str(os.getpid())
    os.environ["HELPDESK_DATA"] = tempfile.mkdtemp(prefix="helpdesk-tests-")
    atexit.register(shutil.rmtree, os.environ["HELPDESK_DATA"], ignore_errors=True)
_data = os.environ["HELPDESK_DATA"]
# No broker lives there: tasks that tests wake go nowhere, least of all to somebody's real worker.
os.environ["REDIS_URL"] = f"unix://{_data}/valkey.sock"
os.environ.pop("CELERY_BROKER_URL", None)
os.environ.setdefault("SECRET_KEY", "only for tests, and long enough for every check there is 0123")
if not os.environ.get("DATABASE_URL"):
    # A file, not memory: several processes and threads use it at once. Its name may be given,
    # its place is this run's own, so that two runs never share it.
    _name = os.path.basename(os.environ.get("TEST_DB_NAME") or "test.sqlite3")
    os.environ["TEST_DB_NAME"] = os.path.join(_data, _name)
os.environ |= dict.fromkeys(
    ["EMAIL_URL", "MEDIA_STORAGE_URL", "SENTRY_DSN", "ALLOWED_HOSTS", "IMAP_URL", "SHOP_DB_URL"], ""
)
os.environ |= dict.fromkeys(
    ["ALIYUN_SMS_ACCESS_KEY_ID", "WECOM_ROBOT_URL", "DINGTALK_ROBOT_URL", "FEISHU_ROBOT_URL"], ""
)
os.environ |= {"DEMO": "0", "DEBUG": "0", "SITE_URL": "http://127.0.0.1:8000"}

from helpdesk.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_ROOT.mkdir(exist_ok=True)  # noqa: F405
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":  # noqa: F405
    DATABASES["default"]["OPTIONS"]["init_command"] += ";PRAGMA synchronous=OFF"  # noqa: F405
