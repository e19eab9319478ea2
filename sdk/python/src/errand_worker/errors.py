"""What handlers raise, and what the worker raises."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal, Mapping, Optional, Union


Seconds = Union[int, float, timedelta]

StopReason = Literal["CANCEL", "DEADLINE", "KILL", "TIMEOUT", "LEASE_LOST", "JOB_ENDED", "SHUTDOWN"]


def seconds(value: Seconds) -> float:
    return value.total_seconds() if isinstance(value, timedelta) else float(value)


class JobError(Exception):
    """What PermanentError and TransientError have in common; raise one of these.

    code: for programs, like "QUOTA_EXCEEDED": A-Z, 0-9 and _.
    details: further facts for programs, JSON; shown to whoever may read the job.
    remediation: what a person can do about it.
    """

    def __init__(
        self,
        message: str,
        *,
        code: Optional[str] = None,
        details: Optional[Mapping[str, Any]] = None,
        remediation: Optional[str] = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.details = details
        self.remediation = remediation


class PermanentError(JobError):
    """Raise it when another attempt cannot succeed: the job fails at once."""


class TransientError(JobError):
    """Raise it when another attempt may succeed. Every other exception counts as one too.

    retry_after: how long the next attempt waits at least, in seconds or as a timedelta.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: Optional[Seconds] = None,
        code: Optional[str] = None,
        details: Optional[Mapping[str, Any]] = None,
        remediation: Optional[str] = None,
    ) -> None:
        super().__init__(message, code=code, details=details, remediation=remediation)
        self.retry_after = None if retry_after is None else seconds(retry_after)


class ReleaseJob(Exception):
    """Raise it to give the job back for someone else to take at once. The attempt does not count."""

    def __init__(self, message: str = "released by the handler") -> None:
        super().__init__(message)


class SnoozeJob(Exception):
    """Raise it to give the job back until later. The attempt does not count.

    delay: in seconds or as a timedelta.
    """

    def __init__(self, delay: Seconds, message: Optional[str] = None) -> None:
        self.delay = seconds(delay)
        super().__init__(message if message is not None else f"snoozed for {self.delay:g} s")


class JobStopped(Exception):
    """`job.raise_if_stopped()` raises it in a handler whose job is to stop.

    grace: seconds that the handler had for its end when it was told; 0: nothing it returns is of use any more.
    """

    def __init__(self, reason: StopReason, grace: float) -> None:
        super().__init__(f"the job is to stop: {reason}")
        self.reason: StopReason = reason
        self.grace = grace


class WorkerRefused(Exception):
    """`Worker.run()` raises it: connecting again would not help.

    code: HTTP status of the handshake or close code of the WebSocket.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
