import json
import logging
import re
from datetime import UTC, datetime

#: Whoever knows one of these addresses may read, so none of them lies about in a log.
KEYS = re.compile(
    r"(/t/|(?<!\w)/orders/|/disputes/draft/|[?&]order=)(?!lookup/)[^/?&\s]{6}[^/?&\s]+"
)


class HideKeys(logging.Filter):
    """Cuts the tokens of customers' pages short: enough is left to recognise one, not to use it."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        hidden = KEYS.sub(lambda found: found[0][: len(found[1]) + 6] + "...", message)
        if hidden != message:
            record.msg, record.args = hidden, ()
        return True


class JsonFormatter(logging.Formatter):
    """One line of JSON a record, for LOG_FORMAT=json."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
