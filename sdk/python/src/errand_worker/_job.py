"""One attempt of a job: what its handler sees, and what the worker keeps of it."""

from __future__ import annotations

import asyncio
import inspect
import json
import math
import threading
import time
from dataclasses import dataclass, replace
from datetime import datetime
from typing import (
    Any,
    Awaitable,
    Callable,
    Dict,
    Generic,
    Mapping,
    Optional,
    Protocol,
    Set,
    Tuple,
    TypeVar,
    Union,
    cast,
)

from ._convert import ConversionError, _datetime, convert, is_structured
from ._json import dumps, serialize, text
from .errors import JobStopped, PermanentError, StopReason

InputT = TypeVar("InputT")
T = TypeVar("T")

PROGRESS_INTERVAL = 0.1
_STEP_NAME_MAX = 128


@dataclass(frozen=True)
class Progress:
    """How far a job has come. completed, total: units of work done and in all. stage: what it does now, in a word or two.
    message: for people."""

    completed: Optional[float] = None
    total: Optional[float] = None
    stage: Optional[str] = None
    message: Optional[str] = None


class Owner(Protocol):
    """What an attempt asks of the worker (or of the harness). Called on the loop's thread."""

    def send_progress(self, attempt: "Attempt", message: bytes) -> None: ...

    def record_step(self, attempt: "Attempt", name: str, result: bytes) -> "Optional[asyncio.Future[None]]":
        """Gives what to wait for, or None where nobody records steps."""
        ...


class Attempt:
    """The worker's side of an attempt. Lives on the loop's thread, apart from progress(), which any thread may call."""

    def __init__(self, message: Mapping[str, Any], owner: Owner, progress_interval: float = PROGRESS_INTERVAL) -> None:
        self.id: str = message["jobId"]
        self.token: str = message["token"]
        self.type: str = message["jobType"]
        self.arguments: Mapping[str, Any] = message["arguments"]
        self.queue: str = message["queue"]
        self.tenant: str = message["tenant"]
        self.run: int = message["run"]
        self.number: int = message["attempt"]
        self.max_attempts: int = message["maxAttempts"]
        self.priority: int = message["priority"]
        self.tags: Tuple[str, ...] = tuple(message["tags"])
        self.labels: Mapping[str, str] = message["labels"]
        self.correlation_id: str = message["correlationId"]
        self.traceparent: Optional[str] = message.get("traceparent")
        self.created_at = _datetime(message["createdAt"])
        self.steps: Dict[str, Any] = {step["name"]: step["result"] for step in message.get("steps", ())}
        self.began_at = time.monotonic()
        left = float(message["timeoutMs"]) / 1000
        if message.get("deadlineMs") is not None:
            left = min(left, float(message["deadlineMs"]) / 1000)
        self.ends_at = self.began_at + left
        self.loop = asyncio.get_running_loop()
        self.stopped: Optional[JobStopped] = None
        self.stopped_at = 0.0
        self.lost = False  # a report would be refused anyway
        self.ended = False
        self.task: Optional["asyncio.Task[Any]"] = None  # of an async handler
        self.last_progress: Optional[bytes] = None  # sent last; a connection that broke may have swallowed it
        self.cancelled = asyncio.Event()
        self.cancelled_plain = threading.Event()
        self._owner = owner
        self._thread = threading.get_ident()
        self._lock = threading.Lock()
        self._interval = progress_interval
        self._latest = Progress()
        self._waits = False  # progress that was told and not yet sent
        self._sent_at = -math.inf
        self._timer: Optional[asyncio.TimerHandle] = None
        self._step_names: Set[str] = set()
        self._unrecorded: "Set[asyncio.Future[None]]" = set()  # steps that wait for their acknowledgement
        # The server ends the attempt by itself; this one is for the time when it cannot be reached. A day at a time: a
        # loop's timers do not take every number.
        self._timeout = self.loop.call_later(min(left, 86_400.0), self._on_time)

    def held(self) -> Dict[str, Any]:
        return {"jobId": self.id, "token": self.token}

    @property
    def input(self) -> Any:
        """The argument `input` where it is the only one, otherwise all arguments by name."""
        return self.arguments["input"] if list(self.arguments) == ["input"] else self.arguments

    def fields(self) -> Dict[str, Any]:
        """For log lines."""
        return {
            "job_id": self.id,
            "type": self.type,
            "attempt": self.number,
            "correlation_id": self.correlation_id,
        }

    def duration(self) -> float:
        return time.monotonic() - self.began_at

    def time_left(self) -> float:
        return max(0.0, self.ends_at - time.monotonic())

    def _on_time(self) -> None:
        left = self.time_left()
        if left > 0:
            self._timeout = self.loop.call_later(min(left, 86_400.0), self._on_time)
        else:
            self.stop("TIMEOUT", 0)

    def stop(self, reason: StopReason, grace: float) -> None:
        """Asks the handler to stop; grace in seconds. With none the attempt is lost, and a handler that goes on with its
        clean-up is canceled once more."""
        if self.ended:
            return
        first = self.stopped is None
        lost_now = grace <= 0 and reason != "SHUTDOWN" and not self.lost
        if first:
            self.stopped = JobStopped(reason, max(0.0, grace))
            self.stopped_at = time.monotonic()
            self.cancelled.set()
            self.cancelled_plain.set()
        self.lost = self.lost or lost_now
        if (first or lost_now) and self.task is not None:
            self.task.cancel()
        if lost_now:
            # A thread cannot be canceled, but it need not wait for what will never come.
            for step in self._unrecorded:
                if not step.done():
                    step.set_exception(JobStopped(reason, 0))
                    step.exception()  # seen, whether or not someone still waits

    def end(self) -> None:
        """The handler is done: sends the last progress that still waits, ends the timers."""
        if not self.lost:
            self._send_progress()
        self.ended = True
        self._timeout.cancel()
        if self._timer is not None:
            self._timer.cancel()

    def progress(self, told: Mapping[str, Any]) -> None:
        with self._lock:
            # A later call that names only some members leaves the others as they were.
            self._latest = replace(self._latest, **told)
            if self._waits or self.ended or self.lost:
                return
            self._waits = True
        if threading.get_ident() == self._thread:
            self._schedule_progress()
        else:
            try:
                self.loop.call_soon_threadsafe(self._schedule_progress)
            except RuntimeError:
                pass  # the loop is closed: the worker has stopped and this thread goes on alone

    def _schedule_progress(self) -> None:
        wait = self._sent_at + self._interval - time.monotonic()
        if wait <= 0:
            self._send_progress()
        elif self._timer is None:
            self._timer = self.loop.call_later(wait, self._send_progress)

    def _send_progress(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        with self._lock:
            if not self._waits or self.ended or self.lost:
                return
            self._waits = False
            latest = self._latest
        message = progress_message(self.held(), latest)
        if message is not None:
            self._sent_at = time.monotonic()
            self.last_progress = dumps(message)
            self._owner.send_progress(self, self.last_progress)

    # --- steps

    def recorded(self, name: str) -> "Tuple[bool, Any]":
        """Whether an earlier attempt has recorded the step, and its result."""
        if not isinstance(name, str) or not 1 <= len(name) <= _STEP_NAME_MAX:
            raise ValueError(f"the name of a step has 1 to {_STEP_NAME_MAX} characters")
        with self._lock:
            if name in self._step_names:
                raise PermanentError(f"there are two steps named {name!r} in one attempt", code="STEP_REPEATED")
            self._step_names.add(name)
        return name in self.steps, self.steps.get(name)

    async def record(self, name: str, result: bytes) -> None:
        """Returns once the step is acknowledged, or at once where nobody records steps. On the loop's thread."""
        if self.stopped is not None and self.lost:
            raise JobStopped(self.stopped.reason, 0)
        acknowledged = self._owner.record_step(self, name, result)
        if acknowledged is None:
            return
        self._unrecorded.add(acknowledged)
        try:
            await acknowledged
        finally:
            self._unrecorded.discard(acknowledged)


def progress_message(held: Mapping[str, Any], latest: Progress) -> Optional[Dict[str, Any]]:
    """None when nothing is left to say."""
    message: Dict[str, Any] = {"type": "progress", **held}
    completed, total = latest.completed, latest.total
    if completed is not None and math.isfinite(completed):
        message["completed"] = max(0, completed)
        if total is not None and math.isfinite(total) and total > 0:
            message["total"] = total
    if latest.stage is not None:
        message["stage"] = text(latest.stage, 128)
    if latest.message is not None:
        message["message"] = text(latest.message, 1024)
    return message if len(message) > 3 else None


class BaseJob(Generic[InputT]):
    """One attempt of a job, as any handler sees it: Job for `async def`, SyncJob for plain `def` handlers."""

    def __init__(self, attempt: Attempt, value: InputT) -> None:
        self._attempt = attempt
        self._input = value

    @property
    def id(self) -> str:
        return self._attempt.id

    @property
    def type(self) -> str:
        """The mutation's name."""
        return self._attempt.type

    @property
    def input(self) -> InputT:
        """The value of the mutation's argument `input` where that is its only argument (the usual form); otherwise the same
        as `arguments`. Converted to the handler's input type, if it names one."""
        return self._input

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The mutation's arguments by name, as they came."""
        return self._attempt.arguments

    @property
    def queue(self) -> str:
        return self._attempt.queue

    @property
    def tenant(self) -> str:
        return self._attempt.tenant

    @property
    def run(self) -> int:
        """From 1; counts retries by an operator."""
        return self._attempt.run

    @property
    def attempt(self) -> int:
        """From 1."""
        return self._attempt.number

    @property
    def max_attempts(self) -> int:
        return self._attempt.max_attempts

    @property
    def priority(self) -> int:
        return self._attempt.priority

    @property
    def tags(self) -> Tuple[str, ...]:
        return self._attempt.tags

    @property
    def labels(self) -> Mapping[str, str]:
        return self._attempt.labels

    @property
    def correlation_id(self) -> str:
        """For log lines and outgoing requests."""
        return self._attempt.correlation_id

    @property
    def traceparent(self) -> Optional[str]:
        """W3C Trace Context: parent of this attempt's span."""
        return self._attempt.traceparent

    @property
    def created_at(self) -> datetime:
        return self._attempt.created_at

    @property
    def stop_reason(self) -> Optional[StopReason]:
        """Why the job is to stop; None while it is not."""
        stopped = self._attempt.stopped
        return None if stopped is None else stopped.reason

    @property
    def grace_left(self) -> Optional[float]:
        """Once the job is to stop: seconds that are left for the handler to end."""
        stopped = self._attempt.stopped
        if stopped is None:
            return None
        if self._attempt.lost:
            return 0.0
        return max(0.0, self._attempt.stopped_at + stopped.grace - time.monotonic())

    def raise_if_stopped(self) -> None:
        """Raises JobStopped once the job is to stop: cancel, deadline, timeout, lease lost, shutdown."""
        stopped = self._attempt.stopped
        if stopped is not None:
            raise JobStopped(stopped.reason, stopped.grace)

    def time_left(self) -> float:
        """Seconds until the attempt's timeout or the job's deadline, whichever comes first."""
        return self._attempt.time_left()

    def progress(
        self,
        *,
        completed: Optional[float] = None,
        total: Optional[float] = None,
        stage: Optional[str] = None,
        message: Optional[str] = None,
    ) -> None:
        """Tells how far the job has come. Cheap: call it in every step of a loop, from any thread. What is left out stays
        as it was told last."""
        told = {"completed": completed, "total": total, "stage": stage, "message": message}
        self._attempt.progress({name: value for name, value in told.items() if value is not None})

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.type} {self.id} attempt {self.attempt}>"


def _result_type(call: Callable[..., Any], given: Any) -> Any:
    if given is not None:
        return given
    annotation = getattr(call, "__annotations__", {}).get("return")
    if isinstance(annotation, str):
        annotation = getattr(call, "__globals__", {}).get(annotation)
    return annotation


def _restored(name: str, value: Any, kind: Any) -> Any:
    """A step's result as it is after the way through JSON: the same in the attempt that recorded it and in later ones."""
    if kind is None or not is_structured(kind):
        return value
    try:
        return convert(value, kind, name)
    except ConversionError as error:
        raise PermanentError(f"the recorded step does not fit its type: {error}", code="STEP_INVALID") from error
    except TypeError:
        return value  # an annotation beyond JSON, such as a TypeVar's


class Job(BaseJob[InputT]):
    """One attempt of a job, as an `async def` handler sees it. When the job is to stop, the handler's task is canceled:
    the handler sees asyncio.CancelledError, and `stop_reason` says why."""

    @property
    def cancelled(self) -> asyncio.Event:
        """Set when the job is to stop; for handlers that wait for it beside something else."""
        return self._attempt.cancelled

    async def step(
        self, name: str, call: Callable[[], Union[Awaitable[T], T]], *, result_type: Optional[Any] = None
    ) -> T:
        """Runs `call` and records its result, so that a later attempt gets it back without running `call` again. The
        result goes through JSON; for a dataclass name `result_type`, or annotate what `call` returns.

        name: 1 to 128 characters, each once in an attempt."""
        known, value = self._attempt.recorded(name)
        kind = _result_type(call, result_type)
        if not known:
            outcome = call()
            if inspect.isawaitable(outcome):
                outcome = await outcome
            written = serialize(outcome, f"the result of the step {name!r}")
            await self._attempt.record(name, written)
            value = json.loads(written)
        return cast(T, _restored(name, value, kind))


class SyncJob(BaseJob[InputT]):
    """One attempt of a job, as a plain `def` handler sees it, which runs in a thread. Threads cannot be interrupted: look at
    `cancelled`, or call raise_if_stopped(), now and then."""

    @property
    def cancelled(self) -> threading.Event:
        """Set when the job is to stop: `if job.cancelled.wait(5): ...` sleeps 5 s unless it is."""
        return self._attempt.cancelled_plain

    def step(self, name: str, call: Callable[[], T], *, result_type: Optional[Any] = None) -> T:
        """As Job.step(), for plain handlers."""
        known, value = self._attempt.recorded(name)
        if not known:
            written = serialize(call(), f"the result of the step {name!r}")
            asyncio.run_coroutine_threadsafe(self._attempt.record(name, written), self._attempt.loop).result()
            value = json.loads(written)
        return cast(T, _restored(name, value, _result_type(call, result_type)))
