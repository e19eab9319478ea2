"""What surrounds a handler: the job it runs for, and the trace that it belongs to."""

from __future__ import annotations

import importlib
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Callable, Optional

if TYPE_CHECKING:
    from ._job import BaseJob

current_job: "ContextVar[Optional[BaseJob[Any]]]" = ContextVar("errand_worker.current_job", default=None)
"""The job whose handler runs here, or None."""

current_traceparent: "ContextVar[Optional[str]]" = ContextVar("errand_worker.current_traceparent", default=None)
"""W3C Trace Context of the job whose handler runs here, or None: for outgoing requests where OpenTelemetry is not used."""


def _extractor() -> "Optional[Callable[[str], None]]":
    try:
        context = importlib.import_module("opentelemetry.context")
        propagate = importlib.import_module("opentelemetry.propagate")
    except ImportError:
        return None

    def attach(traceparent: str) -> None:
        context.attach(propagate.extract({"traceparent": traceparent}))

    return attach


_attach: "Optional[Callable[[str], None]]" = None
_looked = False


def enter(job: "BaseJob[Any]") -> None:
    """Makes `job` the current one, in a context of its own that ends with the handler."""
    global _attach, _looked
    if not _looked:
        _attach, _looked = _extractor(), True
    current_job.set(job)
    current_traceparent.set(job.traceparent)
    if _attach is not None and job.traceparent is not None:
        _attach(job.traceparent)
