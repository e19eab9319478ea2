"""Runs a handler without a server, for the tests of your handlers."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import threading
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Literal, Mapping, Optional, Sequence, Union

from ._connection import SERVER_MESSAGE_BYTES_MAX
from ._handler import Ending, HandlerSpec, Report, report_of, start
from ._job import Attempt, Progress
from ._json import dumps
from ._threads import ThreadPool
from .errors import Seconds, StopReason, seconds

Status = Literal["SUCCEEDED", "FAILED", "RELEASED", "SNOOZED", "LOST"]
CancelWhen = Union[Callable[[Progress], bool], threading.Event]


@dataclass(frozen=True)
class JobFailure:
    """What the worker would report. kind: TRANSIENT is tried again, PERMANENT is not. retry_after: seconds."""

    kind: Literal["TRANSIENT", "PERMANENT"]
    message: str
    code: Optional[str] = None
    details: Optional[Dict[str, Any]] = None
    remediation: Optional[str] = None
    retry_after: Optional[float] = None


@dataclass(frozen=True)
class JobOutcome:
    """What became of an attempt.

    status: LOST when nothing would be reported, since the attempt's lease was gone at the end.
    result: as JSON, the way the client gets it.
    exception: what the handler raised.
    snoozed_for: seconds.
    progress: every call, each with what the calls before it had said.
    steps: the steps recorded by earlier attempts and by this one, by name.
    steps_run: names of the steps that this attempt ran itself.
    """

    status: Status
    result: Any = None
    error: Optional[JobFailure] = None
    exception: Optional[BaseException] = None
    snoozed_for: Optional[float] = None
    stop_reason: Optional[StopReason] = None
    progress: List[Progress] = field(default_factory=list)
    steps: Dict[str, Any] = field(default_factory=dict)
    steps_run: List[str] = field(default_factory=list)


class _Recorder:
    def __init__(self, steps: Mapping[str, Any]) -> None:
        self.steps: Dict[str, Any] = dict(steps)
        self.steps_run: List[str] = []

    def send_progress(self, attempt: Attempt, message: bytes) -> None:
        pass  # what the handler said is of interest, not what is left of it for the wire

    def record_step(self, attempt: Attempt, name: str, result: bytes) -> "Optional[asyncio.Future[None]]":
        self.steps[name] = json.loads(result)
        self.steps_run.append(name)
        return None


class _TestAttempt(Attempt):
    def __init__(self, message: Mapping[str, Any], owner: _Recorder, on_progress: Callable[[Progress], None]) -> None:
        super().__init__(message, owner)
        self._on_progress = on_progress

    def progress(self, told: Mapping[str, Any]) -> None:
        super().progress(told)
        self._on_progress(self._latest)


async def run_job_async(
    handler: Union[Callable[..., Any], HandlerSpec],
    input: Any = None,
    *,
    arguments: Optional[Mapping[str, Any]] = None,
    input_type: Any = None,
    job_type: str = "test",
    job_id: str = "00000000-0000-7000-8000-000000000001",
    attempt: int = 1,
    max_attempts: int = 5,
    run: int = 1,
    queue: str = "default",
    tenant: str = "default",
    priority: int = 0,
    tags: Sequence[str] = (),
    labels: Optional[Mapping[str, str]] = None,
    correlation_id: str = "test",
    traceparent: Optional[str] = None,
    steps: Optional[Mapping[str, Any]] = None,
    timeout: Seconds = 60.0,
    cancel_when: Optional[CancelWhen] = None,
    stop_reason: StopReason = "CANCEL",
    grace: Seconds = 30.0,
    result_bytes_max: int = 1 << 20,
) -> JobOutcome:
    """As run_job(), for tests that run on an event loop themselves."""
    spec = handler if isinstance(handler, HandlerSpec) else HandlerSpec(handler, input_type)
    message: Dict[str, Any] = {
        "jobId": job_id,
        "token": "test",
        "jobType": job_type,
        "arguments": json.loads(dumps({"input": input} if arguments is None else arguments)),
        "queue": queue,
        "tenant": tenant,
        "run": run,
        "attempt": attempt,
        "maxAttempts": max_attempts,
        "priority": priority,
        "tags": list(tags),
        "labels": dict(labels or {}),
        "correlationId": correlation_id,
        "createdAt": "2026-01-01T00:00:00Z",
        "timeoutMs": seconds(timeout) * 1000,
        "steps": [{"name": name, "result": result} for name, result in (steps or {}).items()],
    }
    if traceparent is not None:
        message["traceparent"] = traceparent
    loop = asyncio.get_running_loop()
    recorder = _Recorder(steps or {})
    progress: List[Progress] = []

    def stop() -> None:
        held.stop(stop_reason, seconds(grace))

    def on_progress(latest: Progress) -> None:
        progress.append(latest)
        if callable(cancel_when) and cancel_when(latest):
            if threading.get_ident() == main_thread:
                stop()
            else:
                loop.call_soon_threadsafe(stop)
                held.cancelled_plain.wait()

    main_thread = threading.get_ident()
    held = _TestAttempt(message, recorder, on_progress)
    pool = ThreadPool()
    over = threading.Event()
    ended: "asyncio.Future[Ending]" = loop.create_future()
    start(spec, held, pool, ended.set_result)
    if isinstance(cancel_when, threading.Event):
        event = cancel_when

        def watch() -> None:
            while not over.is_set():
                if event.wait(0.02):
                    loop.call_soon_threadsafe(stop)
                    return

        pool.submit(watch)
    try:
        ending = await ended
    finally:
        over.set()
        pool.close()
        if held.task is not None:
            held.task.cancel()
    report = report_of(ending, held, "1", min(result_bytes_max, SERVER_MESSAGE_BYTES_MAX))
    held.end()
    outcome = _outcome(report, held)
    return dataclasses.replace(
        outcome,
        exception=ending if isinstance(ending, BaseException) else None,
        stop_reason=None if held.stopped is None else held.stopped.reason,
        progress=progress,
        steps=recorder.steps,
        steps_run=recorder.steps_run,
    )


def run_job(handler: Callable[..., Any], input: Any = None, **options: Any) -> JobOutcome:
    """Runs one attempt of `handler`, `async def` or plain, as the worker would, and gives what became of it.

    input: what the mutation's argument `input` holds, JSON or dataclasses; or give all `arguments` by name.
    attempt, max_attempts, run, queue, tenant, priority, tags, labels, correlation_id, traceparent, job_id, job_type: what the
        job has.
    steps: results of steps that earlier attempts recorded, by name.
    timeout: what the attempt has, in seconds.
    cancel_when: when the job is canceled: a function that is asked at each progress, or a threading.Event.
    stop_reason, grace: how it is then.
    input_type: as in Worker.handler().
    result_bytes_max: what the server's bound on messages would be.
    """
    # Here, where the types that the handler's annotations name are at hand.
    spec = HandlerSpec(handler, options.pop("input_type", None))
    return asyncio.run(run_job_async(spec, input, **options))


def _outcome(report: Report, attempt: Attempt) -> JobOutcome:
    if attempt.lost:
        return JobOutcome("LOST")
    message = json.loads(report.text)
    if report.kind == "complete":
        return JobOutcome("SUCCEEDED", result=message["result"])
    if report.kind == "release":
        return JobOutcome("RELEASED")
    if report.kind == "snooze":
        return JobOutcome("SNOOZED", snoozed_for=message["delayMs"] / 1000)
    error = message["error"]
    wait = error.get("retryAfterMs")
    return JobOutcome(
        "FAILED",
        error=JobFailure(
            error["kind"],
            error["message"],
            error.get("code"),
            error.get("details"),
            error.get("remediation"),
            None if wait is None else wait / 1000,
        ),
    )
