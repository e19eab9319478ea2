#!/usr/bin/env python3
"""The scripted worker of the conformance program with the Python SDK; ../README.md says what it does.

ERRAND_PYTHON_HANDLER=plain registers a plain `def` handler, which runs in a thread, in the place of an `async def` one.
"""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import sys
import time
from typing import Any, Dict, List, Optional, Set, Tuple, TypedDict

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "sdk" / "python" / "src"))

from errand_worker import (  # noqa: E402
    BaseJob,
    Job,
    PermanentError,
    ReleaseJob,
    SnoozeJob,
    SyncJob,
    TransientError,
    Worker,
    WorkerRefused,
)


class _Required(TypedDict):
    script: str


class Input(_Required, total=False):
    padding: Optional[str]


def script_of(job: BaseJob[Input]) -> List[Dict[str, Any]]:
    script: List[List[Dict[str, Any]]] = json.loads(job.input["script"])
    return script[min(job.attempt, len(script)) - 1]


def outcome(job: BaseJob[Input], stopped: Optional[str], text: str = "done") -> Dict[str, Any]:
    return {
        "text": text,
        "attempt": job.attempt,
        "stopped": stopped,
        "timeLeftMs": job.time_left() * 1000,
        "traceparent": job.traceparent,
        "correlationId": job.correlation_id,
        "bytes": len(job.input.get("padding") or ""),
        "worker": os.environ.get("ERRAND_WORKER_NAME"),
    }


given_back: Set[Tuple[str, str]] = set()  # jobs and what was done with them


def give_back(job: BaseJob[Input], kind: str, error: Exception) -> None:
    """Once for a job: the attempt does not count, so the same operations come again."""
    if (job.id, kind) not in given_back:
        given_back.add((job.id, kind))
        raise error


def at_once(job: BaseJob[Input], operation: Dict[str, Any]) -> None:
    """The operations that do not wait; most of them end the handler."""
    kind = operation["do"]
    message = operation.get("message", "scripted")
    if kind == "progress":
        job.progress(**{name: value for name, value in operation.items() if name != "do"})
    elif kind == "flood":
        for i in range(1, operation["count"] + 1):
            job.progress(completed=i, total=operation["count"])
    elif kind == "transient":
        wait = operation.get("retryAfterMs")
        raise TransientError(message, code=operation.get("code"), retry_after=None if wait is None else wait / 1000)
    elif kind == "permanent":
        raise PermanentError(
            message,
            code=operation.get("code"),
            details=operation.get("details"),
            remediation=operation.get("remediation"),
        )
    elif kind == "crash":
        raise RuntimeError(message)
    elif kind == "release":
        give_back(job, kind, ReleaseJob())
    elif kind == "snooze":
        give_back(job, kind, SnoozeJob(operation["ms"] / 1000))
    else:
        raise PermanentError(f"no operation {kind}", code="SCRIPT_INVALID")


def returned(job: BaseJob[Input], operation: Dict[str, Any], stopped: Optional[str]) -> Any:
    if operation["do"] == "return":
        return operation["value"]
    return outcome(job, stopped, "x" * operation["bytes"])


async def perform(job: Job[Input]) -> Any:
    stopped: Optional[str] = None
    for operation in script_of(job):
        kind = operation["do"]
        if kind == "sleep":
            await asyncio.sleep(operation["ms"] / 1000)
        elif kind == "stubborn":
            until = time.monotonic() + operation["ms"] / 1000
            while time.monotonic() < until:
                try:
                    await asyncio.sleep(until - time.monotonic())
                except asyncio.CancelledError:
                    pass
        elif kind == "untilStopped":
            try:
                while job.stop_reason is None:
                    await asyncio.sleep(3600)
            except asyncio.CancelledError:
                if job.stop_reason is None:
                    raise
            stopped = job.stop_reason
        elif kind in ("return", "big"):
            return returned(job, operation, stopped)
        else:
            at_once(job, operation)
    return outcome(job, stopped)


def perform_plain(job: SyncJob[Input]) -> Any:
    stopped: Optional[str] = None
    for operation in script_of(job):
        kind = operation["do"]
        if kind == "sleep":
            job.cancelled.wait(operation["ms"] / 1000)
            job.raise_if_stopped()
        elif kind == "stubborn":
            time.sleep(operation["ms"] / 1000)
        elif kind == "untilStopped":
            job.cancelled.wait()
            stopped = job.stop_reason
        elif kind in ("return", "big"):
            return returned(job, operation, stopped)
        else:
            at_once(job, operation)
    return outcome(job, stopped)


def names(variable: str) -> Optional[List[str]]:
    value = os.environ.get(variable)
    return value.split(",") if value else None


def main() -> int:
    environment = os.environ
    worker = Worker(
        environment["ERRAND_URL"],
        token=environment["ERRAND_TOKEN"],
        slots=int(environment.get("ERRAND_SLOTS") or 1),
        queues=names("ERRAND_QUEUES"),
        labels=json.loads(environment.get("ERRAND_LABELS") or "{}"),
        selectors=json.loads(environment.get("ERRAND_SELECTORS") or "{}"),
        build=environment.get("ERRAND_BUILD") or None,
        name=environment.get("ERRAND_WORKER_NAME") or None,
    )
    plain = environment.get("ERRAND_PYTHON_HANDLER") == "plain"
    for job_type in names("ERRAND_TYPES") or ["perform"]:
        if plain:
            worker.add_handler(job_type, perform_plain)
        else:
            worker.add_handler(job_type, perform)
    try:
        worker.run_forever()
    except WorkerRefused as refused:
        print(json.dumps({"level": "error", "message": "refused", "code": refused.code, "reason": str(refused)}), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
