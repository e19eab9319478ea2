"""The golden frames, which the server's own tests read as well, against the schemas and against this package."""

from __future__ import annotations

import asyncio
import json
import unittest
from typing import Any, Dict, List

from errand_worker import Job, PermanentError, ReleaseJob, SnoozeJob, TransientError
from errand_worker._connection import Connection, ServerFault, frames_of, parse_messages
from fake_server import FRAMES, frame, job_message, schema_errors
from support import WorkerTestCase


STEPS = FRAMES["features"]["steps"]
FROM_WORKER = {**FRAMES["worker"], **STEPS["worker"]}
FROM_SERVER = {**FRAMES["server"], **STEPS["server"], **FRAMES["later"]["members"]}


class Frames(unittest.TestCase):
    def test_the_schemas_accept_what_a_worker_sends(self) -> None:
        for name, message in FROM_WORKER.items():
            with self.subTest(name):
                self.assertEqual(schema_errors("worker-to-server", message), "")
        for name, batch in FRAMES["batches"]["worker"].items():
            with self.subTest(name):
                self.assertEqual([schema_errors("worker-to-server", message) for message in batch], [""] * len(batch))

    def test_the_schemas_accept_what_the_server_sends(self) -> None:
        for name, message in FROM_SERVER.items():
            with self.subTest(name):
                self.assertEqual(schema_errors("server-to-worker", message), "")
                self.assertEqual(parse_messages(json.dumps(message)), [message])
        for name, batch in FRAMES["batches"]["server"].items():
            with self.subTest(name):
                self.assertEqual([schema_errors("server-to-worker", message) for message in batch], [""] * len(batch))
                self.assertEqual(parse_messages(json.dumps(batch)), batch)

    def test_the_schemas_refuse_what_is_wrong(self) -> None:
        for name, case in {**FRAMES["invalid"], **STEPS["invalid"]}.items():
            with self.subTest(name):
                self.assertNotEqual(schema_errors("worker-to-server", case["message"]), "")

    def test_the_bodies_over_http(self) -> None:
        for schema, bodies in FRAMES["http"].items():
            for name, body in bodies.items():
                with self.subTest(name):
                    self.assertEqual(schema_errors(schema, body), "")

    def test_messages_without_a_type_are_refused(self) -> None:
        for text in ("5", "[5]", "{}", '{"type": 5}', "[", "[" * 100_000):
            with self.subTest(text[:10]), self.assertRaises(ServerFault):
                parse_messages(text)

    def test_messages_are_split_by_number_and_length(self) -> None:
        self.assertEqual([len(each) for each in frames_of([b"{}"] * 2_500, 1 << 20)], [1000, 1000, 500])
        for each in frames_of([b"x" * 30] * 100, 100):
            self.assertLessEqual(len(b"[" + b",".join(each) + b"]"), 100)
        self.assertEqual(frames_of([], 100), [])


class Replay(WorkerTestCase):
    async def test_each_of_the_servers_messages_is_taken_with_and_without_members_of_a_later_version(self) -> None:
        """After each of them the worker still works, and says nothing that breaks the schemas."""
        frames: Dict[str, List[Any]] = {
            name: [message, {**message, "later": {"any": [1]}}]
            for name, message in FROM_SERVER.items()
            if message["type"] != "drain"  # leads to a second connection, or to none: below
        }
        frames["in batches"] = list(FRAMES["batches"]["server"].values())
        frames["of no known type"] = list(FRAMES["later"]["types"].values())

        async def handler(job: Job[Any]) -> Any:
            return 1

        for name, variants in frames.items():
            for variant in variants:
                with self.subTest(name):
                    self.server.received.clear()
                    worker = await self.start(handler)
                    self.server.sockets[-1].raw(frame(1, json.dumps(variant).encode()))
                    self.server.send(job_message(1))
                    await self.until(lambda: self.server.of("complete"))
                    self.assertEqual(len(self.server.of("hello")), 1)
                    await worker.stop()

    async def test_a_welcome_of_a_later_version(self) -> None:
        self.server.welcome = FRAMES["later"]["members"]["welcome"]
        await self.start(self.forever)

    async def test_the_steps_that_come_with_a_job(self) -> None:
        golden = STEPS["server"]["job with steps"]

        async def handler(job: Job[Any]) -> Any:
            return [await job.step("charge", lambda: "again"), await job.step("mail", lambda: "again")]

        self.server.welcome = {"features": ["steps"]}
        self.worker = self.make(None)
        self.worker.add_handler(golden["jobType"], handler)
        self.running = asyncio.get_running_loop().create_task(self.worker.run())
        await self.until(lambda: self.server.of("credits"))
        self.server.send(golden)
        await self.until(lambda: self.server.of("complete"))
        self.assertEqual(self.server.of("complete")[0]["result"], [step["result"] for step in golden["steps"]])

    async def test_the_servers_drain(self) -> None:
        await self.start(self.forever)
        self.server.send({**FRAMES["server"]["drain"], "later": 1})
        await self.until(lambda: len(self.server.of("hello")) == 2)
        self.server.send({**FRAMES["server"]["drain of this worker alone"], "later": 1})
        assert self.running is not None
        await asyncio.wait_for(self.running, 30)


class Produced(WorkerTestCase):
    async def test_each_golden_message_of_a_worker_comes_out_of_this_package_as_it_stands(self) -> None:
        """By kind: each message that the package can be made to send equals the recorded one, member for member, apart from
        what is the worker's own to choose."""
        golden = FROM_WORKER
        held = {name: golden["complete"][name] for name in ("jobId", "token")}
        busy = golden["fail"]["error"]
        endings = [
            ("complete", lambda: golden["complete"]["result"]),
            ("fail", lambda: _raise(TransientError(
                busy["message"], code=busy["code"], details=busy["details"], remediation=busy["remediation"],
                retry_after=busy["retryAfterMs"] / 1000))),
            ("fail, shortest", lambda: _raise(PermanentError(golden["fail, shortest"]["error"]["message"]))),
            ("complete with null", lambda: None),
            ("release", lambda: _raise(ReleaseJob())),
            ("snooze", lambda: _raise(SnoozeJob(golden["snooze"]["delayMs"] / 1000))),
        ]  # fmt: skip
        calls = {name: golden[name] for name in ("progress", "progress, stage only", "step", "step with null")}
        self.server.welcome = {"features": ["steps"]}

        async def handler(job: Job[Any]) -> Any:
            if job.input in calls:
                told = calls[job.input]
                if told["type"] == "step":
                    return await job.step(told["name"], lambda: told["result"])
                job.progress(**{name: told[name] for name in ("completed", "total", "stage", "message") if name in told})
                return None
            return dict(endings)[job.input]()

        hello = golden["hello"]
        self.worker = self.make(
            None, slots=hello["slots"], queues=hello["queues"], name=hello["name"], build=hello["build"], labels=hello["labels"]
        )
        for job_type in hello["types"]:
            self.worker.add_handler(job_type, handler)
        self.running = asyncio.get_running_loop().create_task(self.worker.run())
        await self.until(lambda: self.server.of("credits"))
        self.assertEqual({**self.server.of("hello")[0], "sdk": hello["sdk"]}, hello)
        self.assertEqual(self.server.of("credits")[0], golden["credits"])
        self.assertEqual(self.server.of("heartbeat")[0], golden["heartbeat without jobs"])
        for name in [*calls, *(name for name, _ in endings)]:
            self.server.received.clear()
            self.server.send(job_message(1, **held, jobType="exportInventory", arguments={"input": name}))
            await self.until(lambda: self.server.credits())
            message = self.server.of(golden[name]["type"])[0]
            expected = dict(golden[name])
            if "ref" in message:
                expected["ref"] = message["ref"]
            with self.subTest(name):
                self.assertEqual(message, expected)
        await self.worker.stop()
        self.assertEqual(self.server.of("drain")[0], golden["drain"])

    async def test_the_hello_that_chooses_by_labels(self) -> None:
        golden = FRAMES["worker"]["hello that chooses by labels"]
        await self.start(self.forever, labels=golden["labels"], selectors=golden["selectors"])
        hello = self.server.of("hello")[0]
        self.assertEqual((hello["labels"], hello["selectors"]), (golden["labels"], golden["selectors"]))

    async def test_the_heartbeat_of_a_running_job(self) -> None:
        golden = FRAMES["worker"]["heartbeat"]
        self.server.heartbeat_ms = 20
        await self.start(self.forever)
        self.server.send(job_message(1, **golden["jobs"][0]))
        await self.until(lambda: any(message == golden for message in self.server.of("heartbeat")))


def _raise(error: Exception) -> Any:
    raise error


if __name__ == "__main__":
    unittest.main()
