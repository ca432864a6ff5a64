"""Logs: one JSON object a line, on stdout and, where LOG_FILE is set, in that file too."""

import json
import logging
import os
import sys
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import WatchedFileHandler

from storefront.settings import StartupError
from storefront.trace import current_trace

FILE_MODE = 0o640
#: What every record has; the rest came in by `extra=`.
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


class JsonFormatter(logging.Formatter):
    """Write a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with the ids of the request that the record belongs to."""
        trace = current_trace()
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "trace_id": trace.trace_id if trace else None,
            "request_id": trace.request_id if trace else None,
        }
        line |= {name: value for name, value in vars(record).items() if name not in STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


class LogFile(WatchedFileHandler):
    """Append to a file that its group may read, and open it anew after logrotate took it away."""

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", opener=_create)


def _create(path: str, flags: int) -> int:
    return os.open(path, flags, FILE_MODE)


def configure(level: int, log_file: str) -> None:
    """Send all logs of the process to stdout and to the file."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stdout)]
    if log_file:
        try:
            handlers.append(LogFile(log_file))
        except OSError as error:
            raise StartupError(f"can't write LOG_FILE {log_file}: {error.strerror}") from error
    for handler in handlers:
        handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=handlers, force=True)
    logging.captureWarnings(True)
    # Alembic says how it looks at the database each time it is asked for the revision.
    logging.getLogger("alembic").setLevel(logging.WARNING)
