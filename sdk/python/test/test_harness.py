"""run_job(): handlers without a server."""

from __future__ import annotations

import asyncio
import threading
import unittest
from dataclasses import dataclass
from typing import Any

from errand_worker import (
    Job,
    JobFailure,
    PermanentError,
    Progress,
    ReleaseJob,
    SnoozeJob,
    SyncJob,
    TransientError,
    current_traceparent,
    run_job,
    run_job_async,
)


@dataclass
class Input:
    n: int


@dataclass
class Double:
    doubled: int


async def double(job: Job[Input]) -> Double:
    job.progress(completed=1, total=2, stage="doubling")
    job.progress(completed=2)
    return Double(await job.step("double", lambda: job.input.n * 2))


def double_plain(job: SyncJob[Input]) -> Double:
    job.progress(completed=1, total=2, stage="doubling")
    job.progress(completed=2)
    return Double(job.step("double", lambda: job.input.n * 2))


class Harness(unittest.TestCase):
    def test_result_progress_and_steps(self) -> None:
        for handler in (double, double_plain):
            for given in ({"n": 4}, Input(4)):
                outcome = run_job(handler, given)
                self.assertEqual((outcome.status, outcome.result, outcome.error), ("SUCCEEDED", {"doubled": 8}, None))
                self.assertEqual(outcome.progress, [Progress(1, 2, "doubling"), Progress(2, 2, "doubling")])
                self.assertEqual((outcome.steps, outcome.steps_run), ({"double": 8}, ["double"]))

    def test_steps_of_earlier_attempts_are_not_run_again(self) -> None:
        for handler in (double, double_plain):
            outcome = run_job(handler, {"n": 4}, attempt=2, steps={"double": 9})
            self.assertEqual((outcome.result, outcome.steps_run), ({"doubled": 9}, []))

    def test_a_steps_dataclass_is_the_same_when_it_is_read_back(self) -> None:
        def compute() -> Double:
            return Double(3)

        def with_type(job: SyncJob[Any]) -> Any:
            return type(job.step("a", compute)).__name__, type(job.step("b", lambda: Double(1), result_type=Double)).__name__

        for steps in ({}, {"a": {"doubled": 3}, "b": {"doubled": 1}}):
            self.assertEqual(run_job(with_type, steps=steps).result, ["Double", "Double"])
        outcome = run_job(with_type, steps={"a": {"other": 3}})
        self.assertEqual(outcome.error and outcome.error.code, "STEP_INVALID")

    def test_errors(self) -> None:
        def handler(job: SyncJob[Any]) -> Any:
            raise {
                "transient": TransientError("t", code="T", retry_after=2.5, details={"a": 1}, remediation="r"),
                "permanent": PermanentError("p"),
                "other": OSError("o"),
                "release": ReleaseJob(),
                "snooze": SnoozeJob(90),
            }[job.input]

        self.assertEqual(run_job(handler, "transient").error, JobFailure("TRANSIENT", "t", "T", {"a": 1}, "r", 2.5))
        self.assertEqual(run_job(handler, "permanent").error, JobFailure("PERMANENT", "p"))
        outcome = run_job(handler, "other")
        self.assertEqual(outcome.error, JobFailure("TRANSIENT", "o"))
        self.assertIsInstance(outcome.exception, OSError)
        self.assertEqual(run_job(handler, "release").status, "RELEASED")
        self.assertEqual((run_job(handler, "snooze").status, run_job(handler, "snooze").snoozed_for), ("SNOOZED", 90.0))
        self.assertEqual(run_job(double, {"m": 1}).error and run_job(double, {"m": 1}).error.code, "INPUT_INVALID")
        big = run_job(lambda job: "x" * 1000, result_bytes_max=500)
        self.assertEqual(big.error and big.error.code, "RESULT_TOO_LARGE")

    def test_what_the_job_has(self) -> None:
        traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

        async def handler(job: Job[Any]) -> Any:
            return [job.attempt, job.max_attempts, job.queue, job.tags, job.labels, current_traceparent.get(), job.arguments, job.type]

        outcome = run_job(
            handler, arguments={"a": 1, "b": 2}, attempt=3, max_attempts=4, queue="q", tags=["t"], labels={"l": "v"}, traceparent=traceparent, job_type="x"
        )
        self.assertEqual(outcome.result, [3, 4, "q", ["t"], {"l": "v"}, traceparent, {"a": 1, "b": 2}, "x"])

    def test_cancel_at_a_progress(self) -> None:
        async def handler(job: Job[Any]) -> Any:
            for i in range(100):
                job.progress(completed=i)
                await asyncio.sleep(0)

        def plain(job: SyncJob[Any]) -> Any:
            for i in range(100):
                job.progress(completed=i)
                job.raise_if_stopped()

        for each in (handler, plain):
            outcome = run_job(each, cancel_when=lambda progress: progress.completed == 3, stop_reason="DEADLINE")
            self.assertEqual((outcome.status, outcome.error and outcome.error.code, outcome.stop_reason), ("FAILED", "DEADLINE", "DEADLINE"))
            self.assertEqual(len(outcome.progress), 4)

    def test_cancel_at_an_event(self) -> None:
        begun = threading.Event()

        def handler(job: SyncJob[Any]) -> Any:
            begun.set()
            job.cancelled.wait(30)
            return job.stop_reason

        self.assertEqual(run_job(handler, cancel_when=begun).result, "CANCEL")

    def test_a_lost_lease(self) -> None:
        def handler(job: SyncJob[Any]) -> Any:
            job.progress(completed=1)
            return "too late"

        outcome = run_job(handler, cancel_when=lambda progress: True, stop_reason="LEASE_LOST", grace=0)
        self.assertEqual((outcome.status, outcome.result), ("LOST", None))

    def test_the_timeout_of_the_attempt(self) -> None:
        async def handler(job: Job[Any]) -> Any:
            await asyncio.Event().wait()

        outcome = run_job(handler, timeout=0.01)
        self.assertEqual((outcome.status, outcome.stop_reason), ("LOST", "TIMEOUT"))

    def test_on_a_loop_of_the_test(self) -> None:
        async def test() -> None:
            outcome = await run_job_async(double, {"n": 1})
            self.assertEqual(outcome.result, {"doubled": 2})

        asyncio.run(test())


if __name__ == "__main__":
    unittest.main()
