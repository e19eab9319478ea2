"""Structured logs through `logging`: one JSON object a line."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime, timezone
from typing import Any, Dict, Optional, TextIO

from ._context import current_job

logger = logging.getLogger("errand_worker")

# What every LogRecord has; all else came by `extra`.
_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and the fields given by `extra`. Lines logged within a handler,
    by whatever logger, carry job_id, type, attempt and correlation_id."""

    def format(self, record: logging.LogRecord) -> str:
        fields: Dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z",
            "level": "warn" if record.levelno == logging.WARNING else record.levelname.lower(),
            "message": record.getMessage(),
            "logger": record.name,
        }
        job = current_job.get()
        if job is not None:
            fields.update(
                job_id=job.id, type=job.type, attempt=job.attempt, correlation_id=job.correlation_id
            )
        fields.update((name, value) for name, value in vars(record).items() if name not in _STANDARD)
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            fields["stack"] = self.formatStack(record.stack_info)
        return json.dumps(fields, default=str)


def setup_logging(
    level: int = logging.INFO, stream: Optional[TextIO] = None, target: Optional[logging.Logger] = None
) -> None:
    """Has all loggers, or `target` and those below it, write JSON lines to `stream` (standard error unless given)."""
    target = logging.getLogger() if target is None else target
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(JsonFormatter())
    target.addHandler(handler)
    target.setLevel(level)


def ensure_output() -> None:
    """Where the program has not set logging up, the worker's own lines go to standard error all the same."""
    if not logger.hasHandlers():
        setup_logging(target=logger)
