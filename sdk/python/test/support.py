"""What the tests share."""

from __future__ import annotations

import asyncio
import logging
import pathlib
import sys
import unittest
from typing import Any, Callable, Optional

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from errand_worker import Worker  # noqa: E402
from fake_server import FakeServer  # noqa: E402


# Else run() would write its log to standard error.
logging.getLogger("errand_worker").addHandler(logging.NullHandler())
logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # handshakes that fail on purpose


class WorkerTestCase(unittest.IsolatedAsyncioTestCase):
    """With a fake server, and a worker that ends with the test."""

    server: FakeServer

    async def asyncSetUp(self) -> None:
        self.server = await FakeServer.start()
        self.begun = asyncio.Event()
        self.worker: Optional[Worker] = None
        self.running: "Optional[asyncio.Task[None]]" = None

    async def asyncTearDown(self) -> None:
        self.server.answering = True
        self.server.refuse_with = 0
        if self.worker is not None and self.running is not None:
            await self.worker.stop()
            await asyncio.gather(self.running, return_exceptions=True)
        await self.server.stop()
        self.assertEqual(self.server.problems, [], "messages that break the schemas")

    async def forever(self, job: Any) -> None:
        """A handler that runs until it is stopped, and tells that it has begun."""
        self.begun.set()
        await asyncio.Event().wait()

    def make(self, handler: Optional[Callable[..., Any]], **options: Any) -> Worker:
        worker = Worker(
            options.pop("url", self.server.url),
            **{"token": "ert_test", "handle_signals": False, "drain_timeout": 2, "reconnect": (0.005, 0.02), **options},
        )
        worker._fall_back_interval = 0.01
        if handler is not None:
            worker.add_handler("work", handler)
        return worker

    async def start(self, handler: Optional[Callable[..., Any]], **options: Any) -> Worker:
        self.worker = self.make(handler, **options)
        self.running = asyncio.get_running_loop().create_task(self.worker.run())
        await self.until(lambda: self.server.of("credits"))
        return self.worker

    async def until(self, condition: Callable[[], Any]) -> Any:
        return await asyncio.wait_for(self.server.until(condition), 30)
