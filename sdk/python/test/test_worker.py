"""The worker against a fake server."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import ssl
import threading
import time
import unittest
from dataclasses import dataclass
from typing import Any

from errand_worker import (
    Job,
    JobStopped,
    PermanentError,
    ReleaseJob,
    SnoozeJob,
    SyncJob,
    TransientError,
    Worker,
    WorkerRefused,
    current_job,
    current_traceparent,
)
from errand_worker._address import endpoint
from errand_worker._backoff import reconnect_delay
from fake_server import FakeServer, frame, job_message
from support import WorkerTestCase

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def forever(job: Job[Any]) -> None:
    await asyncio.Event().wait()


class Basics(WorkerTestCase):
    async def test_says_hello_then_gives_its_free_slots_as_credits(self) -> None:
        await self.start(
            forever, slots=3, queues=["a"], name="n", build="b", labels={"zone": "x"}, selectors={"gpu": ["a100"], "old": []}
        )
        self.assertEqual((self.server.authorization, self.server.path), ("Bearer ert_test", "/worker"))
        hello = self.server.of("hello")[0]
        self.assertTrue(hello.pop("sdk").startswith("errand-worker-py/"))
        self.assertEqual(
            hello,
            {"type": "hello", "types": ["work"], "slots": 3, "queues": ["a"], "name": "n", "build": "b", "labels": {"zone": "x"},
             "selectors": {"gpu": ["a100"], "old": []}},
        )  # fmt: skip
        self.assertEqual(self.server.of("credits"), [{"type": "credits", "add": 3}])

    async def test_an_async_handler_runs_a_job_reports_its_result_and_gives_the_slot_back(self) -> None:
        seen = []

        async def handler(job: Job[Any]) -> Any:
            seen.append((job, current_job.get(), current_traceparent.get(), job.time_left()))
            return {"doubled": job.input["n"] * 2}

        await self.start(handler)
        self.server.send(job_message(21, tags=["x"], labels={"l": "v"}, traceparent=TRACEPARENT))
        await self.until(lambda: self.server.credits() == 2)
        complete = self.server.of("complete")[0]
        self.assertEqual((complete["result"], complete["token"]), ({"doubled": 42}, job_message(21)["token"]))
        job, current, traceparent, left = seen[0]
        self.assertIs(current, job)
        self.assertEqual((job.traceparent, traceparent), (TRACEPARENT, TRACEPARENT))
        self.assertTrue(0 < left <= 60)
        self.assertEqual((job.type, job.queue, job.tenant, job.run, job.attempt, job.max_attempts), ("work", "default", "acme", 1, 1, 5))
        self.assertEqual((job.tags, job.labels, job.correlation_id, job.priority), (("x",), {"l": "v"}, "c-21", 0))
        self.assertEqual(job.created_at.isoformat(), "2026-11-23T20:15:00+00:00")
        self.assertIsNone(current_job.get())

    async def test_a_plain_handler_runs_in_a_thread_and_does_not_hold_the_others_up(self) -> None:
        together = threading.Barrier(3, timeout=30)

        def handler(job: SyncJob[Any]) -> Any:
            assert current_job.get() is job
            together.wait()
            return threading.current_thread() is threading.main_thread()

        await self.start(handler, slots=3)
        for number in (1, 2, 3):
            self.server.send(job_message(number))
        await self.until(lambda: len(self.server.of("complete")) == 3)
        self.assertEqual([message["result"] for message in self.server.of("complete")], [False] * 3)

    async def test_threads_are_used_again(self) -> None:
        threads = set()

        def handler(job: SyncJob[Any]) -> None:
            threads.add(threading.get_ident())

        await self.start(handler)
        for number in range(1, 6):
            self.server.send(job_message(number))
            await self.until(lambda: self.server.credits() == number + 1)
        self.assertLessEqual(len(threads), 2)

    async def test_hands_over_all_arguments_when_input_is_not_the_only_one(self) -> None:
        async def handler(job: Job[Any]) -> Any:
            return [job.input, job.arguments]

        await self.start(handler)
        both = {"input": 1, "other": 2}
        self.server.send(job_message(1, arguments=both))
        await self.until(lambda: self.server.of("complete"))
        self.assertEqual(self.server.of("complete")[0]["result"], [both, both])

    async def test_typed_input_and_dataclass_results(self) -> None:
        @dataclass
        class Input:
            n: int

        @dataclass
        class Result:
            doubled: int

        worker = self.make(None)

        @worker.handler("work")
        async def handler(job: Job[Input]) -> Result:
            return Result(job.input.n * 2)

        self.worker = worker
        self.running = asyncio.get_running_loop().create_task(worker.run())
        await self.until(lambda: self.server.of("credits"))
        self.server.send(job_message(4))
        await self.until(lambda: self.server.of("complete"))
        self.assertEqual(self.server.of("complete")[0]["result"], {"doubled": 8})
        self.server.send(job_message(5, arguments={"input": {"m": 1}}))
        await self.until(lambda: self.server.of("fail"))
        error = self.server.of("fail")[0]["error"]
        self.assertEqual((error["kind"], error["code"]), ("PERMANENT", "INPUT_INVALID"))
        self.assertIn("input.m", error["message"])

    async def test_a_hundred_jobs_in_one_frame_are_answered_in_few(self) -> None:
        async def handler(job: Job[Any]) -> Any:
            return job.input["n"]

        await self.start(handler, slots=100)
        before = len(self.server.batches)
        self.server.send([job_message(number) for number in range(1, 101)])
        await self.until(lambda: len(self.server.of("complete")) == 100)
        await self.until(lambda: self.server.credits() == 200)
        self.assertLess(len(self.server.batches) - before, 20)
        self.assertEqual(sorted(message["result"] for message in self.server.of("complete")), list(range(1, 101)))

    async def test_jobs_over_its_slots_or_of_an_unknown_type_are_released(self) -> None:
        await self.start(forever)
        self.server.send([job_message(1), job_message(2), job_message(3, jobType="else")])
        await self.until(lambda: len(self.server.of("release")) == 2)
        self.assertEqual([message["token"][0] for message in self.server.of("release")], ["2", "3"])
        self.assertEqual(self.worker and self.worker.running, 1)
        self.server.send({"type": "cancel", "jobId": job_message(1)["jobId"], "token": job_message(1)["token"], "reason": "KILL", "graceMs": 0})

    async def test_unknown_messages_and_members_are_ignored(self) -> None:
        async def handler(job: Job[Any]) -> Any:
            return 1

        await self.start(handler)
        self.server.sockets[-1].raw(frame(0x1, b'[{"type": "later", "x": 1}]'))
        self.server.send(job_message(1, later={"any": 1}))
        await self.until(lambda: self.server.of("complete"))


class Endings(WorkerTestCase):
    async def test_errors_are_transient_permanent_released_or_snoozed(self) -> None:
        errors = {
            1: RuntimeError("plain"),
            2: TransientError("busy", code="BUSY", retry_after=1.5, details={"a": 1}),
            3: PermanentError("gone", code="GONE", remediation="look elsewhere"),
            4: ReleaseJob(),
            5: SnoozeJob(60),
            6: KeyError("k"),
            7: PermanentError("bad code", code="not a code"),
            8: ValueError(),
            9: SystemExit(3),
            10: PermanentError("x" * 5000, remediation="r" * 2000, details={"bad": object()}),
            11: TransientError("half \ud83d a character", details={"large": "x" * 2_000_000}),
            12: asyncio.CancelledError(),
        }
        for is_async in (True, False):
            with self.subTest(is_async=is_async):
                self.server.received.clear()

                async def handler(job: Job[Any]) -> None:
                    raise errors[job.input["n"]]

                def plain(job: SyncJob[Any]) -> None:
                    raise errors[job.input["n"]]

                await self.start(handler if is_async else plain)
                for number in errors:
                    self.server.send(job_message(number))
                    await self.until(lambda: self.server.credits() == number + 1)
                fails = {int(message["token"].split(".")[0]): message["error"] for message in self.server.of("fail")}
                self.assertEqual(fails[1], {"kind": "TRANSIENT", "message": "plain"})
                self.assertEqual(
                    fails[2], {"kind": "TRANSIENT", "message": "busy", "code": "BUSY", "retryAfterMs": 1500, "details": {"a": 1}}
                )
                self.assertEqual(fails[3], {"kind": "PERMANENT", "message": "gone", "code": "GONE", "remediation": "look elsewhere"})
                self.assertEqual(fails[6], {"kind": "TRANSIENT", "message": "KeyError: 'k'"})
                self.assertEqual(fails[7], {"kind": "PERMANENT", "message": "bad code"})
                self.assertEqual(fails[8], {"kind": "TRANSIENT", "message": "ValueError"})
                self.assertEqual(fails[9]["kind"], "TRANSIENT")
                self.assertEqual(fails[10], {"kind": "PERMANENT", "message": "x" * 4096, "remediation": "r" * 1024})
                self.assertEqual(fails[11], {"kind": "TRANSIENT", "message": "half ? a character"})
                self.assertEqual(fails[12], {"kind": "TRANSIENT", "message": "the handler was canceled"})
                self.assertEqual(len(self.server.of("release")), 1)
                self.assertEqual(self.server.of("snooze")[0]["delayMs"], 60_000)
                assert self.worker is not None
                await self.worker.stop()

    async def test_a_result_that_is_too_large_or_no_json_fails_for_good(self) -> None:
        self.server.message_bytes_max = 600
        circle: Any = {}
        circle["self"] = circle
        deep: Any = 1
        for _ in range(63):
            deep = [deep]
        results = {1: "x" * 1000, 2: circle, 3: float("nan"), 4: object(), 5: "\ud83d", 6: deep, 7: deep[0]}

        async def handler(job: Job[Any]) -> Any:
            return results[job.input["n"]]

        await self.start(handler)
        for number in results:
            self.server.send(job_message(number))
            await self.until(lambda: self.server.credits() == number + 1)
        errors = [message["error"] for message in self.server.of("fail")]
        self.assertEqual([error["code"] for error in errors], ["RESULT_TOO_LARGE"] + ["RESULT_NOT_SERIALIZABLE"] * 5)
        self.assertEqual({error["kind"] for error in errors}, {"PERMANENT"})
        self.assertEqual(len(self.server.of("complete")), 1)

    async def test_progress_is_coalesced_and_the_last_one_is_never_lost(self) -> None:
        async def handler(job: Job[Any]) -> None:
            for i in range(1, 1001):
                job.progress(completed=i, total=1000, stage="counting")
            job.progress(message="all counted")
            job.progress(completed=float("nan"))

        await self.start(handler)
        self.server.send(job_message(1))
        await self.until(lambda: self.server.of("complete"))
        progress = self.server.of("progress")
        self.assertTrue(2 <= len(progress) < 10, progress)
        self.assertEqual((progress[0]["completed"], progress[0]["total"], progress[0]["stage"]), (1, 1000, "counting"))
        self.assertEqual(progress[-1]["message"], "all counted")
        self.assertLess(self.server.received.index(progress[-1]), self.server.received.index(self.server.of("complete")[0]))

    async def test_progress_from_threads_as_well(self) -> None:
        def handler(job: SyncJob[Any]) -> None:
            for i in range(1, 10_001):
                job.progress(completed=i, total=10_000, stage="s" * 200, message="m" * 2000)

        await self.start(handler)
        self.server.send(job_message(1))
        await self.until(lambda: self.server.of("complete"))
        progress = self.server.of("progress")
        self.assertLess(len(progress), 100)
        self.assertEqual(progress[-1]["completed"], 10_000)
        self.assertEqual((len(progress[-1]["stage"]), len(progress[-1]["message"])), (128, 1024))

    async def test_progress_goes_out_while_the_job_runs(self) -> None:
        async def handler(job: Job[Any]) -> None:
            job.progress(completed=1)
            job.progress(completed=2)
            await asyncio.Event().wait()

        await self.start(handler, drain_timeout=0)
        self.server.send(job_message(1))
        await self.until(lambda: [message["completed"] for message in self.server.of("progress")] == [1, 2])


def cancel_message(number: int, reason: str = "CANCEL", grace: int = 30_000) -> Any:
    job = job_message(number)
    return {"type": "cancel", "jobId": job["jobId"], "token": job["token"], "reason": reason, "graceMs": grace}


class Stops(WorkerTestCase):
    async def test_a_cancel_cancels_the_task_and_is_reported_as_canceled(self) -> None:
        seen = []

        async def handler(job: Job[Any]) -> None:
            try:
                self.server.send(cancel_message(1))
                await asyncio.Event().wait()
            finally:
                seen.append((job.stop_reason, job.cancelled.is_set(), (job.grace_left or 0) > 0))

        await self.start(handler)
        self.server.send(job_message(1))
        await self.until(lambda: self.server.of("fail"))
        self.assertEqual(self.server.of("fail")[0]["error"], {"kind": "TRANSIENT", "code": "CANCELED", "message": "the job is to stop: CANCEL"})
        self.assertEqual(seen, [("CANCEL", True, True)])

    async def test_a_canceled_handler_may_still_complete(self) -> None:
        async def handler(job: Job[Any]) -> Any:
            try:
                self.server.send(cancel_message(1))
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await asyncio.sleep(0)
                return job.stop_reason

        await self.start(handler)
        self.server.send(job_message(1))
        await self.until(lambda: self.server.of("complete"))
        self.assertEqual(self.server.of("complete")[0]["result"], "CANCEL")

    async def test_a_plain_handler_sees_its_event(self) -> None:
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        def handler(job: SyncJob[Any]) -> None:
            assert job.stop_reason is None
            job.raise_if_stopped()
            loop.call_soon_threadsafe(begun.set)
            assert job.cancelled.wait(30)
            job.raise_if_stopped()

        await self.start(handler)
        self.server.send(job_message(1))
        await begun.wait()
        self.server.send(cancel_message(1))
        await self.until(lambda: self.server.of("fail"))
        self.assertEqual(self.server.of("fail")[0]["error"]["code"], "CANCELED")

    async def test_a_cancel_in_the_heartbeats_answer_stops_as_well(self) -> None:
        self.server.heartbeat_ms = 50
        self.server.job_state = {"state": "CANCELING", "leaseMs": 30000, "reason": "DEADLINE", "graceMs": 9000}
        await self.start(forever)
        self.server.send(job_message(1))
        await self.until(lambda: self.server.of("fail"))
        self.assertEqual(self.server.of("fail")[0]["error"]["code"], "DEADLINE")

    async def test_a_lost_lease_stops_and_nothing_is_reported(self) -> None:
        self.server.heartbeat_ms = 50
        self.server.job_state = {"state": "LEASE_LOST"}
        reasons = []

        async def handler(job: Job[Any]) -> str:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                reasons.append((job.stop_reason, job.grace_left))
            job.progress(completed=1)
            return "too late"

        await self.start(handler)
        self.server.send(job_message(1))
        await self.until(lambda: self.server.credits() == 2)
        self.assertEqual(reasons, [("LEASE_LOST", 0.0)])
        self.assertEqual(self.server.of("complete") + self.server.of("fail") + self.server.of("progress"), [])

    async def test_a_refused_progress_says_that_the_lease_is_lost(self) -> None:
        async def handler(job: Job[Any]) -> None:
            job.progress(completed=1)
            await asyncio.Event().wait()

        await self.start(handler)
        self.server.send(job_message(1))
        await self.until(lambda: self.server.of("progress"))
        job = job_message(1)
        error = {"code": "LEASE_LOST", "message": "", "retryable": False}
        self.server.send({"type": "ack", "jobId": job["jobId"], "token": job["token"], "status": "REFUSED", "error": error})
        await self.until(lambda: self.server.credits() == 2)
        self.assertEqual(self.server.of("fail"), [])

    async def test_the_attempts_time_ends_here_too(self) -> None:
        reasons = []

        async def handler(job: Job[Any]) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                reasons.append(job.stop_reason)

        await self.start(handler)
        self.server.send(job_message(1, timeoutMs=60_000, deadlineMs=30))
        await self.until(lambda: self.server.credits() == 2)
        self.assertEqual(reasons, ["TIMEOUT"])

    async def test_when_the_grace_is_over_a_clean_up_is_canceled_too(self) -> None:
        ends = []

        async def handler(job: Job[Any]) -> None:
            try:
                self.server.send(cancel_message(1))
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                try:
                    self.server.send(cancel_message(1, "LEASE_LOST", 0))
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    ends.append(job.stop_reason)
                    raise

        await self.start(handler)
        self.server.send(job_message(1))
        await self.until(lambda: self.server.credits() == 2)
        self.assertEqual((ends, self.server.of("fail")), (["CANCEL"], []))


class Connections(WorkerTestCase):
    async def test_a_running_job_survives_a_broken_connection_and_its_report_is_sent_until_acknowledged(self) -> None:
        go, begun = asyncio.Event(), asyncio.Event()

        async def handler(job: Job[Any]) -> Any:
            begun.set()
            await go.wait()
            return job.input["n"]

        worker = await self.start(handler)
        worker._fall_back_interval = 60.0
        self.server.send(job_message(7))
        await begun.wait()
        self.server.answering = False
        self.server.cut()
        await self.until(lambda: any(m["jobs"] and m["jobs"][0]["token"] == job_message(7)["token"] for m in self.server.of("heartbeat")))
        self.assertEqual(self.server.credits(), 1, "the only slot is taken: no credit after reconnecting")
        go.set()
        await self.until(lambda: len(self.server.of("complete")) == 1)
        self.server.cut()  # before the ack
        await self.until(lambda: len(self.server.of("complete")) == 2)
        complete, again = self.server.of("complete")
        self.assertEqual(again, complete)
        self.server.ack(again)
        await self.until(lambda: self.server.credits() >= 2)

    async def test_a_report_stays_what_it_was_whatever_becomes_of_the_result(self) -> None:
        shared = {"value": 1}

        async def handler(job: Job[Any]) -> Any:
            return shared

        worker = await self.start(handler)
        worker._fall_back_interval = 60.0
        self.server.answering = False
        self.server.send(job_message(1))
        await self.until(lambda: self.server.of("complete"))
        shared["value"] = 2
        self.server.cut()
        await self.until(lambda: len(self.server.of("complete")) == 2)
        self.assertEqual(self.server.of("complete")[1]["result"], {"value": 1})
        self.server.ack(self.server.of("complete")[1])

    async def test_progress_that_a_broken_connection_swallowed_is_sent_again_before_the_report(self) -> None:
        begun, go = asyncio.Event(), asyncio.Event()

        async def handler(job: Job[Any]) -> Any:
            begun.set()
            await go.wait()
            job.progress(completed=9, total=10)
            return 1

        worker = await self.start(handler)
        worker._fall_back_interval = 60.0
        self.server.send(job_message(1))
        await begun.wait()
        self.server.answering = False
        self.server.refuse_with = 503
        self.server.cut()
        seen = len(self.server.requests)
        go.set()
        await self.until(lambda: len(self.server.requests) > seen + 1)
        self.server.refuse_with = 0
        await self.until(lambda: self.server.of("complete"))
        progress = self.server.of("progress")[-1]
        self.assertEqual((progress["completed"], progress["total"]), (9, 10))
        self.assertLess(self.server.received.index(progress), self.server.received.index(self.server.of("complete")[0]))
        self.server.ack(self.server.of("complete")[0])

    async def test_a_report_that_the_server_cannot_take_now_is_sent_again(self) -> None:
        async def handler(job: Job[Any]) -> Any:
            return 1

        self.server.answering = False
        await self.start(handler)
        self.server.send(job_message(1))
        await self.until(lambda: self.server.of("complete"))
        self.server.ack(self.server.of("complete")[0], {"code": "UNAVAILABLE", "message": "busy", "retryable": True})
        await self.until(lambda: len(self.server.of("complete")) == 2)
        self.assertEqual(*self.server.of("complete"))
        self.server.ack(self.server.of("complete")[1])

    async def test_a_refused_report_is_not_repeated(self) -> None:
        async def handler(job: Job[Any]) -> Any:
            return 1

        self.server.answering = False
        worker = await self.start(handler)
        worker._fall_back_interval = 60.0
        self.server.send(job_message(1))
        await self.until(lambda: self.server.of("complete"))
        self.server.ack(self.server.of("complete")[0], {"code": "RESULT_INVALID", "message": "result: expected Report!", "retryable": False})
        self.server.send(job_message(2))
        await self.until(lambda: len(self.server.of("complete")) == 2)
        self.server.cut()
        await self.until(lambda: len(self.server.of("complete")) == 3)
        self.assertEqual(self.server.of("complete")[2]["token"], job_message(2)["token"])
        self.server.ack(self.server.of("complete")[2])

    async def test_a_server_that_is_silent_is_given_up(self) -> None:
        self.server.heartbeat_ms = 20
        self.server.answering = False
        await self.start(forever)
        await self.until(lambda: len(self.server.of("hello")) == 2)

    async def test_without_a_websocket_reports_and_heartbeats_go_by_http(self) -> None:
        begun, go = asyncio.Event(), asyncio.Event()

        async def handler(job: Job[Any]) -> Any:
            if job.input["n"] == 1:
                begun.set()
                await go.wait()
                job.progress(completed=5)
                return "done"
            await asyncio.Event().wait()

        await self.start(handler, slots=2)
        self.server.send([job_message(1), job_message(2)])
        await begun.wait()
        self.server.refuse_with = 503
        self.server.cut()
        await self.until(lambda: any(len(message["jobs"]) == 2 for message in self.server.posted if message["type"] == "heartbeat"))
        go.set()
        await self.until(lambda: [m for m in self.server.posted if m["type"] == "complete"])
        kinds = [message["type"] for message in self.server.posted]
        self.assertEqual(kinds[kinds.index("complete") - 1], "progress")
        self.assertTrue(all(request.get("authorization") == "Bearer ert_test" for request in self.server.requests))
        self.assertIn("/worker/v1/messages", [request["path"] for request in self.server.requests])
        self.assertEqual(len([kind for kind in kinds if kind == "complete"]), 1)
        self.server.refuse_with = 0
        await self.until(lambda: len(self.server.of("hello")) == 2)
        await self.until(lambda: self.server.credits() == 3)
        self.assertEqual(self.server.of("complete"), [], "it was acknowledged already")
        self.server.send(cancel_message(2, "KILL", 0))

    async def test_a_cancel_comes_by_http_too(self) -> None:
        reasons = []

        async def handler(job: Job[Any]) -> None:
            try:
                await self.forever(job)
            finally:
                reasons.append(job.stop_reason)

        await self.start(handler)
        self.server.send(job_message(1))
        await self.begun.wait()
        self.server.job_state = {"state": "CANCELING", "leaseMs": 1, "graceMs": 5000, "reason": "CANCEL"}
        self.server.refuse_with = 503
        self.server.cut()
        await self.until(lambda: [m for m in self.server.posted if m["type"] == "fail"])
        self.assertEqual(reasons, ["CANCEL"])

    async def test_before_the_server_closes_a_second_connection_is_made(self) -> None:
        begun, go = asyncio.Event(), asyncio.Event()

        async def handler(job: Job[Any]) -> Any:
            begun.set()
            await go.wait()
            return 1

        await self.start(handler, slots=2)
        self.server.send(job_message(1))
        await begun.wait()
        old = self.server.sockets[0]
        self.server.welcoming = False
        self.server.send({"type": "drain", "reason": "SHUTDOWN", "graceMs": 30000})
        await self.until(lambda: len(self.server.of("hello")) == 2)
        go.set()
        await self.until(lambda: self.server.of("complete"))
        self.assertEqual((len(self.server.sockets), old.over), (2, False), "reported on the old one, which lives")
        self.server.send({"type": "welcome", "workerId": "w-2", "server": "errand/test", "heartbeatMs": 10000, "leaseMs": 30000,
                          "messageBytesMax": 1 << 20, "unknownTypes": []})  # fmt: skip
        await self.until(lambda: old.over)
        self.assertEqual(old.close_code, 1000)
        await self.until(lambda: self.server.credits() >= 4)
        self.server.welcoming = True

    async def test_a_server_that_dies_while_the_second_connection_is_being_made_costs_nothing(self) -> None:
        begun, go = asyncio.Event(), asyncio.Event()

        async def handler(job: Job[Any]) -> Any:
            begun.set()
            await go.wait()
            return 1

        await self.start(handler)
        self.server.send(job_message(1))
        await begun.wait()
        self.server.refuse_with = 503
        self.server.send({"type": "drain", "reason": "SHUTDOWN", "graceMs": 30000})
        seen = len(self.server.requests)
        await self.until(lambda: len(self.server.requests) > seen)
        self.server.sockets[0].close(1001, "stopping")
        await self.until(lambda: self.server.sockets[0].over)
        self.server.refuse_with = 0
        go.set()
        await self.until(lambda: self.server.of("complete") or [m for m in self.server.posted if m["type"] == "complete"])

    async def test_a_server_that_is_not_there_yet_is_tried_again(self) -> None:
        port = self.server.port
        await self.server.stop()
        self.worker = self.make(forever)
        self.running = asyncio.get_running_loop().create_task(self.worker.run())
        with self.assertLogs("errand_worker", "WARNING") as logs:
            while not logs.records:
                await asyncio.sleep(0)
        self.server = await FakeServer.start(port)
        await self.until(lambda: self.server.of("credits"))

    async def test_an_overloaded_server_is_tried_again(self) -> None:
        self.server.refuse_with = 503
        self.worker = self.make(forever)
        self.running = asyncio.get_running_loop().create_task(self.worker.run())
        await self.until(lambda: len(self.server.requests) >= 3)
        self.server.refuse_with = 0
        await self.until(lambda: self.server.of("credits"))

    async def test_a_larger_number_of_reports_than_a_frame_takes_is_split(self) -> None:
        self.server.message_bytes_max = 20_000
        go, all_begun = asyncio.Event(), asyncio.Event()

        async def handler(job: Job[Any]) -> Any:
            if worker.running == 50:
                all_begun.set()
            await go.wait()
            return "x" * 5_000

        worker = await self.start(handler, slots=50)
        worker._fall_back_interval = 60.0
        for number in range(1, 51):
            self.server.send(job_message(number))
        await all_begun.wait()
        self.server.refuse_with = 503
        self.server.cut()
        go.set()
        seen = len(self.server.requests)
        await self.until(lambda: len(self.server.requests) > seen + 1)
        self.server.refuse_with = 0
        await self.until(lambda: len(self.server.of("complete")) == 50)

    async def test_a_report_that_the_next_server_would_not_read_becomes_a_failure(self) -> None:
        async def handler(job: Job[Any]) -> Any:
            return "x" * 5_000

        worker = await self.start(handler)
        worker._fall_back_interval = 60.0
        self.server.answering = False
        self.server.send(job_message(1))
        await self.until(lambda: self.server.of("complete"))
        self.server.message_bytes_max = 1_000
        self.server.answering = True
        self.server.cut()
        await self.until(lambda: self.server.of("fail"))
        self.assertEqual(self.server.of("fail")[0]["error"]["code"], "RESULT_TOO_LARGE")


class Refusals(WorkerTestCase):
    async def refused(self, **options: Any) -> WorkerRefused:
        with self.assertRaises(WorkerRefused) as caught:
            await self.make(forever, **options).run()
        return caught.exception

    async def test_run_raises_when_the_token_is_wrong(self) -> None:
        for status in (401, 403, 404):
            self.server.refuse_with = status
            refused = await self.refused()
            self.assertEqual(refused.code, status)
            self.assertIn("reason", str(refused))

    async def test_run_raises_when_the_server_speaks_another_version(self) -> None:
        for subprotocol in ("errand.worker.v2", None):
            self.server.subprotocol = subprotocol
            refused = await self.refused()
            self.assertEqual(refused.code, 4406)
            self.assertIn("errand.worker.v1", str(refused))

    async def test_run_raises_after_final_close_codes(self) -> None:
        for code in (4400, 4403, 4406):
            await self.start(forever)
            self.server.send({"type": "error", "code": "FORBIDDEN", "message": 'queue "x" is not allowed'})
            self.server.sockets[-1].close(code, "no")
            assert self.running is not None
            with self.assertRaisesRegex(WorkerRefused, 'queue "x"') as caught:
                await self.running
            self.assertEqual(caught.exception.code, code)
            self.server.received.clear()

    async def test_other_close_codes_lead_to_another_connection(self) -> None:
        await self.start(forever)
        for count, code in enumerate((1000, 1001, 1009, 1011, 1013, 4408, 4429), 2):
            self.server.sockets[-1].close(code, "later")
            await self.until(lambda: len(self.server.of("credits")) == count)

    async def test_a_server_that_makes_no_sense_ends_the_worker(self) -> None:
        for text in (b"no json", b'{"no": "type"}', b'{"type": "job"}', b'{"type": "heartbeat_ack", "jobs": 5}'):
            await self.start(forever)
            self.server.sockets[-1].raw(frame(0x1, text))
            assert self.running is not None
            with self.assertRaises(WorkerRefused) as caught:
                await self.running
            self.assertEqual(caught.exception.code, 4400)
            await self.until(lambda: self.server.sockets[-1].over)
            self.assertEqual(self.server.sockets[-1].close_code, 4400)
            self.server.received.clear()

    def test_mistakes_in_the_options_are_named_at_once(self) -> None:
        for options, message in (
            (dict(token=""), "token is missing"),
            (dict(token="ert_x\n"), "line break"),
            (dict(url="ftp://x"), "url must begin"),
            (dict(url="http://"), "no host"),
            (dict(slots=0), "slots"),
            (dict(slots=1.5), "slots"),
            (dict(labels={"a": 5}), "labels: a"),
            (dict(selectors={"a": [5]}), "selectors: the values of a"),
            (dict(selectors={"": ["a"]}), "selectors: ''"),
            (dict(selectors={"a": ["x"] * 33}), "32 values"),
            (dict(selectors={f"a{i}": [] for i in range(17)}), "16 selectors"),
        ):
            arguments: Any = {"url": "http://x", "token": "t", **options}
            with self.assertRaisesRegex(ValueError, message):
                Worker(arguments.pop("url"), **arguments)
        with self.assertRaisesRegex(TypeError, "queues"):
            Worker("http://x", token="t", queues="default")
        with self.assertRaisesRegex(TypeError, "selectors"):
            Worker("http://x", token="t", selectors={"gpu": "a100"})
        worker = Worker("http://x", token="t")
        with self.assertRaisesRegex(RuntimeError, "no handler"):
            asyncio.run(worker.run())
        worker.add_handler("a", forever)
        with self.assertRaisesRegex(ValueError, "already"):
            worker.add_handler("a", forever)


class Draining(WorkerTestCase):
    async def test_stop_takes_nothing_new_waits_for_what_runs_and_its_ack_then_closes(self) -> None:
        begun, go = asyncio.Event(), asyncio.Event()

        async def handler(job: Job[Any]) -> Any:
            begun.set()
            await go.wait()
            return "done"

        worker = await self.start(handler)
        self.server.send(job_message(1))
        await begun.wait()
        stopping = asyncio.get_running_loop().create_task(worker.stop())
        await self.until(lambda: self.server.of("drain"))
        self.server.send(job_message(2))  # was on its way
        await self.until(lambda: self.server.of("release"))
        go.set()
        await stopping
        assert self.running is not None
        await self.running
        self.assertEqual(len(self.server.of("complete")), 1)
        self.assertEqual(self.server.of("release")[0]["token"], job_message(2)["token"])
        self.assertEqual(self.server.sockets[-1].close_code, 1000)

    async def test_what_does_not_end_in_time_is_told_to_stop_and_released(self) -> None:
        reasons, begun = [], asyncio.Event()

        async def handler(job: Job[Any]) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                reasons.append(job.stop_reason)

        worker = await self.start(handler, drain_timeout=0.02)
        self.server.send(job_message(1))
        await begun.wait()
        await worker.stop()
        self.assertEqual(self.server.of("release")[0]["token"], job_message(1)["token"])
        self.assertEqual(reasons, ["SHUTDOWN"])

    async def test_an_operators_drain_ends_run(self) -> None:
        await self.start(forever)
        self.server.send({"type": "drain", "reason": "REQUESTED", "graceMs": 30000})
        await self.until(lambda: self.server.of("drain"))
        assert self.running is not None
        await asyncio.wait_for(self.running, 30)
        self.assertEqual(self.server.sockets[-1].close_code, 1000)

    async def test_request_stop_from_another_thread(self) -> None:
        worker = await self.start(forever)
        threading.Thread(target=worker.request_stop).start()
        assert self.running is not None
        await asyncio.wait_for(self.running, 30)

    async def test_canceling_run_releases_the_jobs(self) -> None:
        await self.start(self.forever)
        self.server.send(job_message(1))
        await self.begun.wait()
        assert self.running is not None
        self.running.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await self.running
        await self.until(lambda: self.server.of("release"))
        await self.until(lambda: self.server.sockets[-1].close_code == 1000)

    async def test_drains_on_a_signal_and_at_once_on_a_second_one(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            self.begun.clear()
            worker = await self.start(self.forever, handle_signals=True, drain_timeout=600)
            self.server.send(job_message(1))
            await self.begun.wait()
            os.kill(os.getpid(), number)
            await self.until(lambda: self.server.of("drain"))
            self.assertEqual(worker.running, 1)
            os.kill(os.getpid(), number)
            assert self.running is not None
            await asyncio.wait_for(self.running, 30)
            self.assertEqual(len(self.server.of("release")), 1)
            self.server.received.clear()

    def test_run_forever_does_not_wait_for_a_thread_that_never_ends(self) -> None:
        never, begun = threading.Event(), threading.Event()

        def handler(job: SyncJob[Any]) -> None:
            begun.set()
            never.wait()

        async def serve() -> "tuple[FakeServer, Worker]":
            server = await FakeServer.start()
            return server, self.make(handler, url=server.url, drain_timeout=0)

        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        server, worker = asyncio.run_coroutine_threadsafe(serve(), loop).result()
        from errand_worker import _worker

        grace, _worker.STOP_GRACE = _worker.STOP_GRACE, 0.05
        try:

            async def work() -> None:
                await server.until(lambda: server.of("credits"))
                server.send(job_message(1))
                await asyncio.get_running_loop().run_in_executor(None, begun.wait)
                worker.request_stop()

            asyncio.run_coroutine_threadsafe(work(), loop)
            worker.run_forever()
            asyncio.run_coroutine_threadsafe(server.until(lambda: server.of("release")), loop).result(30)
        finally:
            _worker.STOP_GRACE = grace
            never.set()
            asyncio.run_coroutine_threadsafe(server.stop(), loop).result(30)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


class Steps(WorkerTestCase):
    async def test_a_step_is_recorded_before_it_returns_and_not_run_again(self) -> None:
        self.server.welcome = {"features": ["steps"]}
        order = []

        async def fetch() -> Any:
            order.append("ran")
            return {"rows": (1, 2)}

        async def handler(job: Job[Any]) -> Any:
            first = await job.step("fetch", fetch)
            order.append(f"{len(self.server.of('step'))} recorded")
            return [first, await job.step("known", fetch), await job.step("plain", lambda: 7)]

        await self.start(handler)
        self.server.send(job_message(1, steps=[{"name": "known", "result": [3]}]))
        await self.until(lambda: self.server.of("complete"))
        self.assertEqual(self.server.of("complete")[0]["result"], [{"rows": [1, 2]}, [3], 7])
        self.assertEqual(order, ["ran", "1 recorded"])
        step = self.server.of("step")[0]
        self.assertEqual((step["name"], step["result"], step["token"]), ("fetch", {"rows": [1, 2]}, job_message(1)["token"]))

    async def test_steps_of_plain_handlers(self) -> None:
        self.server.welcome = {"features": ["steps"]}

        def handler(job: SyncJob[Any]) -> Any:
            return [job.step("a", lambda: 1), job.step("b", lambda: 2)]

        await self.start(handler)
        self.server.send(job_message(1, steps=[{"name": "b", "result": 3}]))
        await self.until(lambda: self.server.of("complete"))
        self.assertEqual(self.server.of("complete")[0]["result"], [1, 3])

    async def test_a_server_without_the_feature_is_told_nothing(self) -> None:
        async def handler(job: Job[Any]) -> Any:
            return await job.step("a", lambda: 1)

        await self.start(handler)
        self.server.send(job_message(1))
        await self.until(lambda: self.server.of("complete"))
        self.assertEqual(self.server.of("step"), [])

    async def test_the_same_name_twice_is_an_error(self) -> None:
        async def handler(job: Job[Any]) -> Any:
            await job.step("a", lambda: 1)
            await job.step("a", lambda: 1)

        await self.start(handler)
        self.server.send(job_message(1))
        await self.until(lambda: self.server.of("fail"))
        self.assertEqual(self.server.of("fail")[0]["error"]["code"], "STEP_REPEATED")

    async def test_a_step_is_sent_again_after_reconnecting(self) -> None:
        self.server.welcome = {"features": ["steps"]}

        async def handler(job: Job[Any]) -> Any:
            return await job.step("a", lambda: 1)

        worker = await self.start(handler)
        worker._fall_back_interval = 60.0
        self.server.answering = False
        self.server.send(job_message(1))
        await self.until(lambda: self.server.of("step"))
        self.server.answering = True
        self.server.cut()
        await self.until(lambda: self.server.of("complete"))
        self.assertEqual(len(self.server.of("step")), 2)

    async def test_a_next_server_without_the_feature_lets_the_handler_go_on(self) -> None:
        self.server.welcome = {"features": ["steps"]}

        async def handler(job: Job[Any]) -> Any:
            return await job.step("a", lambda: 1)

        worker = await self.start(handler)
        worker._fall_back_interval = 60.0
        self.server.answering = False
        self.server.send(job_message(1))
        await self.until(lambda: self.server.of("step"))
        self.server.answering = True
        self.server.welcome = {}
        self.server.cut()
        await self.until(lambda: self.server.of("complete"))
        self.assertEqual(len(self.server.of("step")), 1)

    async def test_a_plain_handler_that_waits_for_a_step_is_let_go_when_the_lease_is_lost(self) -> None:
        self.server.welcome = {"features": ["steps"]}
        self.server.answering = False
        errors = []

        def handler(job: SyncJob[Any]) -> Any:
            try:
                job.step("a", lambda: 1)
            except JobStopped as error:
                errors.append(error.reason)
                raise

        await self.start(handler)
        self.server.send(job_message(1))
        await self.until(lambda: self.server.of("step"))
        self.server.send(cancel_message(1, "KILL", 0))
        await self.until(lambda: self.server.credits() == 2)
        self.assertEqual(errors, ["KILL"])

    async def test_refused_steps(self) -> None:
        self.server.welcome = {"features": ["steps"]}
        self.server.answering = False
        errors = []

        async def handler(job: Job[Any]) -> Any:
            try:
                await job.step("a", lambda: 1)
            except (JobStopped, PermanentError) as error:
                errors.append(error)
                raise

        await self.start(handler)
        self.server.send(job_message(1))
        await self.until(lambda: self.server.of("step"))
        self.server.ack(self.server.of("step")[0], {"code": "INVALID_ARGUMENT", "message": "no", "retryable": False})
        await self.until(lambda: self.server.of("fail"))
        self.server.ack(self.server.of("fail")[0])
        self.server.send(job_message(2))
        await self.until(lambda: len(self.server.of("step")) == 2)
        self.server.ack(self.server.of("step")[1], {"code": "LEASE_LOST", "message": "no", "retryable": False})
        await self.until(lambda: self.server.credits() == 3)
        self.assertIsInstance(errors[0], PermanentError)
        self.assertEqual(len(self.server.of("fail")), 1)


class Logs(WorkerTestCase):
    async def test_one_json_object_a_line_with_the_jobs_ids(self) -> None:
        import io

        from errand_worker import setup_logging

        stream = io.StringIO()
        root = logging.getLogger()
        level = root.level
        setup_logging(stream=stream)
        try:

            async def handler(job: Job[Any]) -> Any:
                logging.getLogger("application").info("in the handler", extra={"own": 1})
                raise ZeroDivisionError("division by zero")

            await self.start(handler)
            self.server.send(job_message(3))
            await self.until(lambda: self.server.credits() == 2)
        finally:
            root.removeHandler(root.handlers[-1])
            root.setLevel(level)
        lines = [json.loads(line) for line in stream.getvalue().splitlines()]
        by_message = {line["message"]: line for line in lines}
        ids = {"job_id": job_message(3)["jobId"], "attempt": 1, "correlation_id": "c-3", "type": "work"}
        for message in ("job started", "in the handler", "job attempt failed"):
            self.assertEqual({name: by_message[message][name] for name in ids}, ids)
        self.assertEqual((by_message["in the handler"]["own"], by_message["in the handler"]["logger"]), (1, "application"))
        self.assertIn("ZeroDivisionError", by_message["job attempt failed"]["exception"])
        self.assertEqual(by_message["job attempt failed"]["level"], "warn")
        self.assertNotIn("ert_test", stream.getvalue())


class Telemetry(WorkerTestCase):
    async def test_handlers_run_within_the_context_that_opentelemetry_extracts(self) -> None:
        import sys
        import types

        from errand_worker import _context

        attached: "list[Any]" = []
        modules: Any = {name: types.ModuleType(name) for name in ("opentelemetry", "opentelemetry.context", "opentelemetry.propagate")}
        modules["opentelemetry.context"].attach = attached.append
        modules["opentelemetry.propagate"].extract = lambda carrier: ("extracted", carrier["traceparent"])
        sys.modules.update(modules)
        _context._looked = False
        try:

            async def handler(job: Job[Any]) -> None:
                pass

            await self.start(handler)
            self.server.send(job_message(1, traceparent=TRACEPARENT))
            await self.until(lambda: self.server.of("complete"))
            self.assertEqual(attached, [("extracted", TRACEPARENT)])
        finally:
            for name in modules:
                del sys.modules[name]
            _context._looked = False


class Numbers(unittest.TestCase):
    def test_the_endpoint_stands_below_the_servers_address(self) -> None:
        self.assertEqual(endpoint("http://h:1").path, "/worker")
        self.assertEqual(endpoint("https://h/base/").path, "/base/worker")
        self.assertEqual((endpoint("https://h/").port, endpoint("https://h/").secure), (443, True))
        self.assertEqual((endpoint("ws://h/worker").path, endpoint("ws://h/worker").port), ("/worker", 80))
        self.assertEqual(endpoint("http://[::1]:7420").authority, "[::1]:7420")

    def test_the_wait_before_reconnecting_doubles_up_to_30_s_with_jitter(self) -> None:
        self.assertEqual([reconnect_delay(n, 1) for n in (1, 4, 100)], [1.0, 8.0, 30.0])
        self.assertAlmostEqual(reconnect_delay(3, 0), 0.4)


if __name__ == "__main__":
    unittest.main()
