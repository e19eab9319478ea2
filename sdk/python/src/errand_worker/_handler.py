"""A handler with its input type, how it is run, and what its end means for the job."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import json
import re
import sys
from dataclasses import dataclass
from typing import Any, Callable, Dict, ForwardRef, Optional, Union, get_args, get_origin

from . import _context
from ._convert import ConversionError, check_type, convert, is_structured
from ._job import Attempt, BaseJob, Job, SyncJob
from ._json import dumps, serialize, text
from ._threads import ThreadPool
from .errors import JobError, JobStopped, PermanentError, ReleaseJob, SnoozeJob, TransientError

_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_PAUSE_MS_MAX = 30 * 86_400_000  # what the protocol takes


@dataclass(frozen=True)
class Returned:
    value: Any


Ending = Union[Returned, BaseException]


def _unwrapped(call: Any) -> Any:
    while isinstance(call, functools.partial):
        call = call.func
    return call if inspect.isroutine(call) else getattr(call, "__call__", call)


def _input_type(call: Any) -> Any:
    """The X of `job: Job[X]`; Any where the handler says nothing."""
    function = inspect.unwrap(_unwrapped(call))
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters or parameters[0].annotation is inspect.Parameter.empty:
        return Any
    function = getattr(function, "__func__", function)
    names = {**getattr(function, "__globals__", {}), **_surroundings(), **_closure(function)}
    annotation = _resolved(parameters[0].annotation, names, function)
    origin = get_origin(annotation)
    if isinstance(origin, type) and issubclass(origin, BaseJob):
        return _resolved(get_args(annotation)[0], names, function)
    return Any


def _resolved(annotation: Any, names: Dict[str, Any], function: Any) -> Any:
    """What typing.get_type_hints() does, but for this one annotation, and with names that are not global."""
    while isinstance(annotation, (str, ForwardRef)):
        text = annotation if isinstance(annotation, str) else annotation.__forward_arg__
        try:
            annotation = eval(text, names)
        except NameError as error:
            called = getattr(function, "__qualname__", function)
            raise TypeError(f"the annotation of {called} cannot be resolved: {error}; pass input_type=") from error
    return annotation


def _surroundings() -> Dict[str, Any]:
    """Local names where the handler is registered: types that are defined in a function, such as a test."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("errand_worker."):
        frame = frame.f_back
    return frame.f_locals


def _closure(function: Any) -> Dict[str, Any]:
    code = getattr(function, "__code__", None)
    cells = getattr(function, "__closure__", None)
    found: Dict[str, Any] = {}
    for name, cell in zip(code.co_freevars if code else (), cells or ()):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            pass  # not assigned yet
    return found


class HandlerSpec:
    """What was registered for a job type."""

    def __init__(self, call: Callable[..., Any], input_type: Any = None) -> None:
        if not callable(call):
            raise TypeError("a handler is a function that takes the job")
        self.call = call
        self.is_async = inspect.iscoroutinefunction(_unwrapped(call))
        self.input_type = _input_type(call) if input_type is None else input_type
        check_type(self.input_type)

    def job(self, attempt: Attempt) -> "Union[Job[Any], SyncJob[Any]]":
        """Raises PermanentError when the input is not what the handler takes."""
        value = attempt.input
        if is_structured(self.input_type):
            try:
                value = convert(value, self.input_type, "input")
            except ConversionError as error:
                raise PermanentError(
                    str(error),
                    code="INPUT_INVALID",
                    remediation="The worker's code expects another input than the schema says: bring them in line, then requeue the job.",
                ) from error
        return Job(attempt, value) if self.is_async else SyncJob(attempt, value)


def start(spec: HandlerSpec, attempt: Attempt, pool: ThreadPool, done: Callable[[Ending], None]) -> None:
    """Runs the handler. Calls `done` once, later, on the loop."""
    if spec.is_async:
        task = attempt.loop.create_task(_run_async(spec, attempt))
        attempt.task = task
        task.add_done_callback(lambda _: done(_ending_of(task)))
        return

    context = contextvars.copy_context()

    def run() -> None:
        ending = _run_plain(spec, attempt, context)
        try:
            attempt.loop.call_soon_threadsafe(done, ending)
        except RuntimeError:
            pass  # the loop is closed: the worker has stopped without waiting for this handler

    pool.submit(run)


async def _run_async(spec: HandlerSpec, attempt: Attempt) -> Any:
    try:
        job = spec.job(attempt)
        _context.enter(job)
        return await spec.call(job)
    except (SystemExit, KeyboardInterrupt) as error:  # would end the loop, and all other jobs with it
        raise RuntimeError(f"the handler raised {error!r}") from error


def _ending_of(task: "asyncio.Task[Any]") -> Ending:
    if task.cancelled():
        return asyncio.CancelledError()
    error = task.exception()
    return Returned(task.result()) if error is None else error


def _run_plain(spec: HandlerSpec, attempt: Attempt, context: contextvars.Context) -> Ending:
    def within() -> Any:
        job = spec.job(attempt)
        _context.enter(job)
        return spec.call(job)

    try:
        return Returned(context.run(within))
    except BaseException as error:  # nothing else would see it in this thread
        return error


# --- what the end means


class Report:
    """What the worker reports of an attempt, as the text that goes out: the same at each repetition, whatever becomes of the
    objects that the handler returned."""

    def __init__(self, kind: str, attempt: Attempt, ref: str, message: Dict[str, Any]) -> None:
        self.kind = kind
        self.ref = ref
        self.job_id = attempt.id
        self.token = attempt.token
        self.message = message
        self.text = dumps(message)


def report_of(ending: Ending, attempt: Attempt, ref: str, bytes_max: int) -> Report:
    if isinstance(ending, Returned):
        try:
            return _completion(ending.value, attempt, ref, bytes_max)
        except PermanentError as error:
            ending = error
    return _failure(ending, attempt, ref, bytes_max)


def too_large(size: int, most: int) -> PermanentError:
    return PermanentError(
        f"the result takes {size} bytes, the server reads {most} at most",
        code="RESULT_TOO_LARGE",
        remediation="Store the result elsewhere and return a link to it.",
    )


class _Completion(Report):
    """Its text is joined, so that a result is written as JSON only once."""

    def __init__(self, attempt: Attempt, ref: str, result: bytes) -> None:
        super().__init__("complete", attempt, ref, {"type": "complete", **attempt.held(), "ref": ref})
        self.text = self.text[:-1] + b',"result":' + result + b"}"


def _completion(value: Any, attempt: Attempt, ref: str, bytes_max: int) -> Report:
    report = _Completion(attempt, ref, serialize(value, "the result"))
    if len(report.text) > bytes_max:
        raise too_large(len(report.text), bytes_max)
    return report


def release(attempt: Attempt, ref: str) -> Report:
    return Report("release", attempt, ref, {"type": "release", **attempt.held(), "ref": ref})


def _milliseconds(duration: float, least: int) -> int:
    return int(min(max(least, round(duration * 1000)), _PAUSE_MS_MAX)) if duration == duration else least


def describe(error: BaseException) -> str:
    """For people. A KeyError's text is only the key, other errors have none at all: then with the error's name."""
    if isinstance(error, asyncio.CancelledError):
        return "the handler was canceled"
    said = str(error)
    return said if said and not isinstance(error, KeyError) else f"{type(error).__name__}{': ' + said if said else ''}"


def _failure(error: BaseException, attempt: Attempt, ref: str, bytes_max: int) -> Report:
    if isinstance(error, ReleaseJob):
        return release(attempt, ref)
    if isinstance(error, SnoozeJob):
        delay = _milliseconds(error.delay, 1)
        return Report("snooze", attempt, ref, {"type": "snooze", **attempt.held(), "ref": ref, "delayMs": delay})
    stopped = attempt.stopped
    if stopped is not None and stopped.reason == "SHUTDOWN" and not isinstance(error, PermanentError):
        return release(attempt, ref)
    if isinstance(error, asyncio.CancelledError) and stopped is not None:
        error = JobStopped(stopped.reason, stopped.grace)
    failure: Dict[str, Any] = {
        "kind": "PERMANENT" if isinstance(error, PermanentError) else "TRANSIENT",
        "message": text(describe(error), 4096),
    }
    if isinstance(error, JobError):
        if error.code is not None and _CODE.fullmatch(str(error.code)):
            failure["code"] = str(error.code)
        if error.remediation is not None:
            failure["remediation"] = text(error.remediation, 1024)
    if isinstance(error, TransientError) and error.retry_after is not None:
        failure["retryAfterMs"] = _milliseconds(error.retry_after, 0)
    if stopped is not None and "code" not in failure:
        failure["code"] = "CANCELED" if stopped.reason == "CANCEL" else stopped.reason
    message = {"type": "fail", **attempt.held(), "ref": ref, "error": failure}
    if isinstance(error, JobError) and error.details is not None:
        with_details = _details(error.details, len(dumps(message)), bytes_max)
        if with_details is not None:
            failure["details"] = with_details
    return Report("fail", attempt, ref, message)


def _details(details: Any, others: int, bytes_max: int) -> Optional[Dict[str, Any]]:
    """As plain JSON; None when they are none, or too long: the failure itself counts for more than they do."""
    try:
        # Two levels of nesting less than a result may have: they lie within `error`.
        written = serialize([[dict(details)]], "details")
    except (PermanentError, ValueError, TypeError):
        return None
    if others + len(written) + 16 > bytes_max:
        return None
    plain: Dict[str, Any] = json.loads(written)[0][0]
    return plain
