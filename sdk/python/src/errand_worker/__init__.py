"""Runs the background jobs of an Errand server."""

from ._context import current_job, current_traceparent
from ._job import BaseJob, Job, Progress, SyncJob
from ._log import JsonFormatter, setup_logging
from ._version import VERSION
from ._worker import Worker
from .errors import (
    JobError,
    JobStopped,
    PermanentError,
    ReleaseJob,
    SnoozeJob,
    StopReason,
    TransientError,
    WorkerRefused,
)
from .testing import JobFailure, JobOutcome, run_job, run_job_async

__version__ = VERSION

__all__ = [
    "BaseJob",
    "Job",
    "JobError",
    "JobFailure",
    "JobOutcome",
    "JobStopped",
    "JsonFormatter",
    "PermanentError",
    "Progress",
    "ReleaseJob",
    "SnoozeJob",
    "StopReason",
    "SyncJob",
    "TransientError",
    "VERSION",
    "Worker",
    "WorkerRefused",
    "current_job",
    "current_traceparent",
    "run_job",
    "run_job_async",
    "setup_logging",
]
