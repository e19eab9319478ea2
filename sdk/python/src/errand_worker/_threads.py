"""Threads for plain handlers."""

from __future__ import annotations

import queue
import threading
from typing import Callable


class ThreadPool:
    """As many daemon threads as work was ever at hand at once, unlike those of concurrent.futures: a handler that does not
    end must not keep the process from ending. submit() on one thread only."""

    def __init__(self) -> None:
        self._work: "queue.SimpleQueue[Callable[[], None] | None]" = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._threads = 0

    def submit(self, call: Callable[[], None]) -> None:
        """Runs `call`, which does not raise, soon; never waits for another one to end."""
        with self._lock:
            start = self._idle == 0
            if start:
                self._threads += 1
            else:
                self._idle -= 1
        self._work.put(call)
        if start:
            threading.Thread(target=self._run, name=f"errand-worker-{self._threads}", daemon=True).start()

    def _run(self) -> None:
        while True:
            call = self._work.get()
            if call is None:
                return
            call()
            del call  # or it would live on until the next one comes
            with self._lock:
                self._idle += 1

    def close(self) -> None:
        """Ends the threads, each after what it does now."""
        for _ in range(self._threads):
            self._work.put(None)
