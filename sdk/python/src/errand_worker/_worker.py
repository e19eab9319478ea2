"""The worker: takes jobs from a server and runs their handlers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import ssl
import threading
from typing import (
    Any,
    Awaitable,
    Callable,
    Coroutine,
    Dict,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Set,
    Tuple,
    TypeVar,
    Union,
)

from . import _handler, _http
from ._address import endpoint
from ._backoff import reconnect_delay
from ._connection import Connection, Message, frames_of
from ._handler import Ending, HandlerSpec, Report
from ._job import Attempt, Job, SyncJob
from ._json import dumps
from ._log import ensure_output, logger
from ._threads import ThreadPool
from ._version import VERSION
from .errors import JobError, JobStopped, PermanentError, Seconds, StopReason, WorkerRefused, seconds

AnyHandler = Union[Callable[[Job[Any]], Awaitable[Any]], Callable[[SyncJob[Any]], Any]]
HandlerT = TypeVar("HandlerT", bound=AnyHandler)

RETRY_REPORT = 1.0
STOP_GRACE = 5.0
WELCOME_TIMEOUT = 10.0
FALL_BACK_INTERVAL = 1.0
FALL_BACK_DEADLINE = 10.0
JOBS_PER_HEARTBEAT = 1_000


class _Step:
    """A recorded step that is not acknowledged yet."""

    kind = "step"

    def __init__(self, attempt: Attempt, ref: str, text: bytes) -> None:
        self.ref = ref
        self.job_id = attempt.id
        self.token = attempt.token
        self.text = text
        self.acknowledged: "asyncio.Future[None]" = attempt.loop.create_future()


_Outgoing = Union[Report, _Step]


class Worker:
    """Takes jobs from an Errand server and runs their handlers.

        worker = Worker("http://127.0.0.1:7420", token=token, slots=4)

        @worker.handler("exportReport")
        async def export_report(job: Job[ExportReportInput]) -> Report:
            ...

        worker.run_forever()

    Heartbeats, reconnecting and draining happen by themselves. Running jobs survive a broken connection and a restart of the
    server: what they report meanwhile is sent until it is acknowledged.

    url: the server's address, such as "http://127.0.0.1:7420".
    token: one with the scope `worker`.
    slots: how many jobs run at once.
    queues: queues to take jobs from; all that the token allows unless given.
    name: for people; the process id unless given.
    build: which build of your code this is.
    labels: the worker's own labels, for people.
    selectors: takes a job only if each of these labels of the job has one of the values; an empty list: only jobs without
        that label.
    drain_timeout: how long stop() lets running jobs go on before they are released.
    handle_signals: whether run() stops on SIGTERM and SIGINT, and stops at once on a second one.
    reconnect: shortest and longest wait before connecting again.
    ssl_context: for https, where the system's certificates are not the right ones.

    Durations are in seconds or timedeltas.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str,
        slots: int = 1,
        queues: Optional[Sequence[str]] = None,
        name: Optional[str] = None,
        build: Optional[str] = None,
        labels: Optional[Mapping[str, str]] = None,
        selectors: Optional[Mapping[str, Sequence[str]]] = None,
        drain_timeout: Seconds = 30.0,
        handle_signals: bool = True,
        reconnect: Tuple[Seconds, Seconds] = (1.0, 30.0),
        ssl_context: Optional[ssl.SSLContext] = None,
    ) -> None:
        if not token:
            raise ValueError("token is missing: pass the worker token that the server printed")
        if any(character < "!" or character > "~" for character in token):
            raise ValueError("token has characters that no token has; is there a line break at its end?")
        if isinstance(slots, bool) or not isinstance(slots, int) or not 1 <= slots <= 10_000:
            raise ValueError("slots must be a whole number from 1 to 10000")
        if isinstance(queues, str):
            raise TypeError("queues must be a list of names, not one string")
        _check_labels(labels or {}, selectors or {})
        self._address = endpoint(url)
        self._headers = {"Authorization": f"Bearer {token}", "User-Agent": f"errand-worker-py/{VERSION}"}
        self._slots = slots
        self._introduction: Dict[str, Any] = {
            "slots": slots,
            "name": f"pid {os.getpid()}" if name is None else name,
            "sdk": f"errand-worker-py/{VERSION}",
        }
        if queues:
            self._introduction["queues"] = list(queues)
        if build:
            self._introduction["build"] = build
        if labels:
            self._introduction["labels"] = dict(labels)
        if selectors:
            self._introduction["selectors"] = {label: list(values) for label, values in selectors.items()}
        self._drain_timeout = seconds(drain_timeout)
        self._handle_signals = handle_signals
        self._reconnect = (seconds(reconnect[0]), seconds(reconnect[1]))
        self._ssl_context = ssl_context
        self._handlers: Dict[str, HandlerSpec] = {}
        self._state = "new"  # running, draining, stopped
        self._running: Dict[str, Attempt] = {}  # by token: two attempts of one job may overlap
        self._outbox: Dict[str, _Outgoing] = {}  # by ref: not acknowledged yet
        self._progress_before: Dict[str, bytes] = {}  # by ref: the progress that goes before a report in the outbox
        self._attempts: Dict[str, Attempt] = {}  # by ref: whose report it is
        self._connection: Optional[Connection] = None  # the welcomed one
        self._opening: Optional[Connection] = None  # said hello, not welcomed yet
        self._features: Set[str] = set()
        self._message_bytes_max = 1 << 20
        self._heartbeat_interval = 10.0
        self._heartbeat_timer: Optional[asyncio.TimerHandle] = None
        self._queue: List[bytes] = []  # goes out at the end of this turn of the loop
        self._credits = 0  # as well, after them
        self._flushing = False
        self._next_ref = 1
        self._pool = ThreadPool()
        self._idle_waiters: "Set[asyncio.Future[None]]" = set()
        self._hurry = False
        self._fall_back_wake: Optional[asyncio.Event] = None
        self._fall_back_interval = FALL_BACK_INTERVAL
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._finished: "Optional[asyncio.Future[None]]" = None
        self._tasks: "Set[asyncio.Task[None]]" = set()
        self._over: Optional[asyncio.Event] = None

    # --- before run()

    def handler(self, job_type: str, *, input_type: Any = None) -> Callable[[HandlerT], HandlerT]:
        """Decorator: names the function that runs jobs of one type.

        An `async def` handler takes a Job and runs on the event loop; a plain `def` handler takes a SyncJob and runs in a
        thread. The input is converted to X when the parameter is annotated Job[X] (or SyncJob[X]), or to `input_type`:
        a dataclass or TypedDict; an input that does not fit fails the job with the code INPUT_INVALID. The result is
        what the mutation's type in the SDL says, as JSON values or dataclasses."""

        def register(call: HandlerT) -> HandlerT:
            self.add_handler(job_type, call, input_type=input_type)
            return call

        return register

    def add_handler(self, job_type: str, call: AnyHandler, *, input_type: Any = None) -> None:
        """As the decorator handler()."""
        if self._state != "new":
            raise RuntimeError("handlers are named before run()")
        if job_type in self._handlers:
            raise ValueError(f"there is a handler for {job_type} already")
        self._handlers[job_type] = HandlerSpec(call, input_type)

    # --- running

    def run_forever(self) -> None:
        """For programs without asyncio of their own: as run(), in an event loop of its own."""
        loop = asyncio.new_event_loop()
        try:
            asyncio.set_event_loop(loop)
            loop.run_until_complete(self.run())
        finally:
            try:
                # Unlike asyncio.run(), this does not wait for a handler that will not end.
                rest = asyncio.all_tasks(loop)
                for task in rest:
                    task.cancel()
                if rest:
                    loop.run_until_complete(asyncio.wait(rest, timeout=1.0))
                loop.run_until_complete(loop.shutdown_asyncgens())
            finally:
                asyncio.set_event_loop(None)
                loop.close()

    async def run(self) -> None:
        """Connects and works until stop(), or until a signal where `handle_signals` is on. Raises WorkerRefused when the
        server will not have this worker; a server that cannot be reached is tried again and again. Canceling it releases
        the running jobs at once."""
        if self._state == "stopped":
            return
        if self._state != "new":
            raise RuntimeError("run() was called already")
        if not self._handlers:
            raise RuntimeError("there is no handler: name one with @worker.handler(...)")
        ensure_output()
        self._loop = asyncio.get_running_loop()
        self._finished = self._loop.create_future()
        self._over = asyncio.Event()
        self._fall_back_wake = asyncio.Event()
        self._state = "running"
        try:
            with self._signals(self._loop):
                self._start_task(self._stay_connected())
                self._start_task(self._fall_back())
                await self._finished
        except asyncio.CancelledError:
            self._give_back()
            raise
        finally:
            await self._end()

    @property
    def running(self) -> int:
        """How many jobs run now."""
        return len(self._running)

    async def stop(self) -> None:
        """Takes no further job, waits for running ones and their acknowledgements, then closes. Jobs that still run after
        `drain_timeout` are told to stop and released. Call it on the loop of run()."""
        if self._state == "new":
            self._state = "stopped"
        self._begin_drain()
        if self._over is not None:
            await self._over.wait()

    def request_stop(self) -> None:
        """Begins what stop() does and returns at once; from any thread."""
        if self._loop is None:
            self._state = "stopped"
            return
        with contextlib.suppress(RuntimeError):  # the loop is closed: it has stopped
            self._loop.call_soon_threadsafe(self._begin_drain)

    def _begin_drain(self) -> None:
        if self._state == "running":
            self._state = "draining"
            self._start_task(self._drain())

    async def _drain(self) -> None:
        self._send(dumps({"type": "drain"}))
        await self._when_idle(self._drain_timeout)
        if self._running:
            logger.warning(
                "jobs still run at the end of draining and are released", extra={"running": len(self._running)}
            )
            self._stop_all("SHUTDOWN", STOP_GRACE)
            await self._when_idle(STOP_GRACE)
            self._give_back()
            self._hurry = False
            await self._when_idle(STOP_GRACE)
        if self._outbox:
            logger.warning("reports are left that the server did not acknowledge", extra={"reports": len(self._outbox)})
        self._finish(None)

    def _give_back(self) -> None:
        for attempt in self._running.values():
            attempt.stop("SHUTDOWN", 0)
            if not attempt.lost:
                self._report(attempt, _handler.release(attempt, self._ref()))
        self._running.clear()
        self._flush()

    def _stop_all(self, reason: StopReason, grace: float) -> None:
        for attempt in list(self._running.values()):
            attempt.stop(reason, grace)

    def _finish(self, refused: Optional[WorkerRefused]) -> None:
        if self._finished is not None and not self._finished.done():
            if refused is None:
                self._finished.set_result(None)
            else:
                self._finished.set_exception(refused)

    async def _end(self) -> None:
        """Whatever ended run(): nothing of the worker is left behind."""
        self._state = "stopped"
        if self._heartbeat_timer is not None:
            self._heartbeat_timer.cancel()
        self._stop_all("SHUTDOWN", 0)
        self._running.clear()
        connections = [each for each in (self._connection, self._opening) if each is not None]
        for connection in connections:
            connection.close()
        for task in self._tasks:
            task.cancel()
        try:
            if connections:
                await asyncio.wait([each.reader for each in connections], timeout=3.5)
        finally:
            for connection in connections:
                connection.abort()
                connection.reader.cancel()
            await asyncio.sleep(0)  # for the transports' own last words
            for outgoing in self._outbox.values():
                if isinstance(outgoing, _Step) and not outgoing.acknowledged.done():
                    outgoing.acknowledged.set_exception(JobStopped("SHUTDOWN", 0))
                    outgoing.acknowledged.exception()  # nobody may wait for it any more
            self._pool.close()
            assert self._over is not None
            self._over.set()

    def _start_task(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)

    def _task_done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and self._finished is not None and not self._finished.done():
            self._finished.set_exception(error)  # a bug of ours must not leave a worker that does nothing

    @contextlib.contextmanager
    def _signals(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        if not self._handle_signals or threading.current_thread() is not threading.main_thread():
            yield
            return
        taken: List[signal.Signals] = []
        before: Dict[signal.Signals, Any] = {}
        for each in (signal.SIGTERM, signal.SIGINT):
            try:
                loop.add_signal_handler(each, self._on_signal, each)
                taken.append(each)
            except (NotImplementedError, RuntimeError):  # Windows
                before[each] = signal.signal(
                    each, lambda number, _: loop.call_soon_threadsafe(self._on_signal, signal.Signals(number)) and None
                )
        try:
            yield
        finally:
            for each in taken:
                loop.remove_signal_handler(each)
            for each, previous in before.items():
                signal.signal(each, previous)

    def _on_signal(self, number: signal.Signals) -> None:
        if self._state == "draining":
            logger.warning("stopping at once after a second signal", extra={"signal": number.name, "running": self.running})
            self._hurry = True
            self._wake_idle_waiters()
        else:
            logger.info("stopping after a signal", extra={"signal": number.name, "running": self.running})
            self._begin_drain()

    # --- connecting

    async def _stay_connected(self) -> None:
        failures = 0
        while True:
            try:
                connection = await self._connect()
            except WorkerRefused as refused:
                self._on_refused(refused)
                return
            except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
                failures += 1
                delay = reconnect_delay(failures, random.random(), *self._reconnect)
                logger.warning(
                    "not connected",
                    extra={
                        "reason": str(error) or "the server did not answer in time",
                        "retry_ms": round(delay * 1000),
                        "running": self.running,
                    },
                )
                self._check_idle()
                await asyncio.sleep(delay)
                continue
            failures = 0
            await asyncio.shield(connection.leaving)
            if self._connection is connection:
                continue  # the server is about to stop: a second connection at once, while this one still takes reports
            failures = 1
            delay = reconnect_delay(failures, random.random(), *self._reconnect)
            logger.warning(
                "not connected",
                extra={"reason": connection.why, "retry_ms": round(delay * 1000), "running": self.running},
            )
            await asyncio.sleep(delay)

    async def _connect(self) -> Connection:
        connection = await Connection.open(self._address, self._headers, self, self._ssl_context)
        self._opening = connection
        try:
            connection.send([dumps(self._hello())], self._message_bytes_max)
            await asyncio.wait_for(asyncio.shield(connection.welcomed), WELCOME_TIMEOUT)
        except BaseException:
            connection.abort()
            raise
        finally:
            self._opening = None
        return connection

    def _hello(self) -> Message:
        return {"type": "hello", "types": list(self._handlers), **self._introduction}

    def _on_refused(self, refused: WorkerRefused) -> None:
        logger.error("the server refused this worker", extra={"reason": str(refused), "code": refused.code})
        self._finish(refused)

    def closed(self, connection: Connection, refused: Optional[WorkerRefused]) -> None:
        if connection is not self._connection:
            return
        self._connection = None
        self._queue.clear()
        self._credits = 0
        if self._heartbeat_timer is not None:
            self._heartbeat_timer.cancel()
        if refused is not None and self._state != "stopped":
            self._on_refused(refused)
        self._check_idle()
        self._wake_fall_back()

    def received(self, connection: Connection, message: Message) -> None:
        kind = message["type"]
        if kind == "welcome":
            self._on_welcome(connection, message)
        elif kind == "job":
            self._on_job(message)
        elif kind == "heartbeat_ack":
            self._on_heartbeat_ack(message)
        elif kind == "cancel":
            self._on_cancel(message)
        elif kind == "ack":
            self._on_ack(message)
        elif kind == "draining":
            connection.drained = True
            self._check_idle()
        elif kind == "drain":
            self._on_server_drain(connection, message)
        elif kind == "error":
            logger.error(
                "the server reports a protocol error",
                extra={"code": message.get("code"), "reason": message.get("message")},
            )
        # all else is a later version's

    def _on_welcome(self, connection: Connection, welcome: Message) -> None:
        if connection is not self._opening or self._state == "stopped":
            return
        self._heartbeat_interval = max(1, int(welcome["heartbeatMs"])) / 1000
        self._message_bytes_max = int(welcome["messageBytesMax"])
        self._features = set(welcome.get("features") or ())
        previous, self._connection = self._connection, connection
        if previous is not None:
            previous.close()
        logger.info(
            "connected",
            extra={
                "server": welcome.get("server"),
                "worker_id": welcome.get("workerId"),
                "url": self._address.origin,
            },
        )
        if welcome.get("unknownTypes"):
            logger.warning(
                "the server's schema does not have some of the types", extra={"types": welcome["unknownTypes"]}
            )
        self._queue.clear()
        self._credits = 0
        self._fit_outbox()
        self._send(*self._heartbeats())
        for attempt in self._running.values():
            if attempt.last_progress is not None and not attempt.lost:
                self._send(attempt.last_progress)
        self._send(*self._unacknowledged())
        if self._state == "draining":
            self._send(dumps({"type": "drain"}))
        else:
            self._add_credits(max(0, self._slots - len(self._running)))
        self._flush()
        if self._heartbeat_timer is not None:
            self._heartbeat_timer.cancel()
        self._schedule_heartbeat(connection)
        connection.welcomed.set_result(None)

    def _fit_outbox(self) -> None:
        """Another server may read less, or record no steps."""
        for ref, outgoing in list(self._outbox.items()):
            if isinstance(outgoing, _Step):
                if "steps" not in self._features:
                    del self._outbox[ref]
                    if not outgoing.acknowledged.done():
                        outgoing.acknowledged.set_result(None)
            elif outgoing.kind == "complete" and len(outgoing.text) > self._message_bytes_max:
                error = _handler.too_large(len(outgoing.text), self._message_bytes_max)
                self._outbox[ref] = _handler.report_of(error, self._attempts[ref], ref, self._message_bytes_max)

    def _schedule_heartbeat(self, connection: Connection) -> None:
        assert self._loop is not None
        self._heartbeat_timer = self._loop.call_later(self._heartbeat_interval, self._beat, connection)

    def _beat(self, connection: Connection) -> None:
        if connection is not self._connection:
            return
        # Each heartbeat is answered, so that silence means a connection that is dead without saying so.
        if connection.silence > 2.5 * self._heartbeat_interval:
            connection.abort()
            return
        self._send(*self._heartbeats())
        self._schedule_heartbeat(connection)

    def _heartbeats(self) -> List[bytes]:
        """One message, or as many as a great number of jobs takes."""
        jobs = [attempt.held() for attempt in self._running.values() if not attempt.lost]
        return [
            dumps({"type": "heartbeat", "jobs": jobs[i : i + JOBS_PER_HEARTBEAT]})
            for i in range(0, max(1, len(jobs)), JOBS_PER_HEARTBEAT)
        ]

    def _unacknowledged(self) -> List[bytes]:
        messages: List[bytes] = []
        for ref, outgoing in self._outbox.items():
            if ref in self._progress_before:
                messages.append(self._progress_before[ref])
            messages.append(outgoing.text)
        return messages

    def _on_server_drain(self, connection: Connection, message: Message) -> None:
        fields = {"reason": message.get("reason"), "grace_ms": message.get("graceMs"), "running": self.running}
        if message.get("reason") == "REQUESTED":
            logger.info("an operator drains this worker", extra=fields)
            self._begin_drain()
        else:
            logger.info("the server is stopping", extra=fields)
            connection.leave()

    # --- jobs

    def _on_job(self, message: Message) -> None:
        attempt = Attempt(message, self)
        spec = self._handlers.get(attempt.type)
        if spec is None or self._state != "running" or len(self._running) >= self._slots:
            self._report(attempt, _handler.release(attempt, self._ref()))
            attempt.end()
            return
        if attempt.token in self._running:
            attempt.end()
            return  # said twice
        self._running[attempt.token] = attempt
        logger.info("job started", extra=attempt.fields())
        _handler.start(spec, attempt, self._pool, lambda ending: self._on_ending(attempt, ending))

    def _on_ending(self, attempt: Attempt, ending: Ending) -> None:
        if self._state == "stopped":
            attempt.end()
            return
        report = _handler.report_of(ending, attempt, self._ref(), self._message_bytes_max)
        attempt.end()
        known = self._running.pop(attempt.token, None) is not None
        fields: Dict[str, Any] = {**attempt.fields(), "duration_ms": round(attempt.duration() * 1000)}
        if attempt.lost or not known:
            logger.warning("job ended after its lease", extra=fields)
            if known:
                self._add_credit()
        else:
            if report.kind == "fail":
                error = report.message["error"]
                fields.update(kind=error["kind"], code=error.get("code"), reason=error["message"])
                logger.warning("job attempt failed", extra=fields, exc_info=_unforeseen(ending))
            else:
                logger.info("job attempt ended", extra={**fields, "outcome": report.kind})
            if attempt.last_progress is not None:
                self._progress_before[report.ref] = attempt.last_progress
            self._report(attempt, report)
            self._add_credit()
        self._check_idle()

    def _on_heartbeat_ack(self, message: Message) -> None:
        for entry in message["jobs"]:
            attempt = self._running.get(entry["token"])
            if attempt is None:
                continue
            state = entry.get("state")
            if state == "CANCELING":
                attempt.stop(entry.get("reason", "CANCEL"), entry.get("graceMs", 1) / 1000)
            elif state in ("LEASE_LOST", "JOB_ENDED"):
                attempt.stop(state, 0)

    def _on_cancel(self, message: Message) -> None:
        attempt = self._running.get(message["token"])
        if attempt is not None:
            attempt.stop(message["reason"], message["graceMs"] / 1000)

    def _on_ack(self, message: Message) -> None:
        ref = message.get("ref")
        outgoing = None if ref is None else self._outbox.get(ref)
        error: Dict[str, Any] = message.get("error") or {}
        refused = message["status"] == "REFUSED"
        if refused and error.get("retryable") and outgoing is not None:
            assert self._loop is not None
            self._loop.call_later(RETRY_REPORT, self._send_again, outgoing.ref)
            return
        if outgoing is not None:
            del self._outbox[outgoing.ref]
            self._progress_before.pop(outgoing.ref, None)
            self._attempts.pop(outgoing.ref, None)
        lost = error.get("code") if error.get("code") in ("LEASE_LOST", "JOB_ENDED") else None
        if isinstance(outgoing, _Step):
            self._on_step_ack(outgoing, refused, lost, error)
        elif refused and outgoing is not None:
            logger.warning(
                "the server refused a report",
                extra={
                    "job_id": outgoing.job_id,
                    "report": outgoing.kind,
                    "code": error.get("code"),
                    "reason": error.get("message"),
                },
            )
        elif lost is not None:
            # A progress. Of a job that is not running any more it was only sent again, for safety.
            self._lose(message["token"], lost)
        self._check_idle()

    def _on_step_ack(self, step: _Step, refused: bool, lost: Optional[StopReason], error: Message) -> None:
        if lost is not None:
            self._lose(step.token, lost)
        if step.acknowledged.done():
            return  # its handler waits no more
        if not refused:
            step.acknowledged.set_result(None)
        elif lost is not None:
            step.acknowledged.set_exception(JobStopped(lost, 0))
        else:
            step.acknowledged.set_exception(
                PermanentError(f"the server refused the step: {error.get('message')}", code=error.get("code"))
            )

    def _lose(self, token: str, reason: StopReason) -> None:
        attempt = self._running.get(token)
        if attempt is not None:
            attempt.stop(reason, 0)

    # --- what an attempt asks for

    def send_progress(self, attempt: Attempt, message: bytes) -> None:
        self._send(message)

    def record_step(self, attempt: Attempt, name: str, result: bytes) -> "Optional[asyncio.Future[None]]":
        if "steps" not in self._features:
            return None
        ref = self._ref()
        head = dumps({"type": "step", "ref": ref, **attempt.held(), "name": name})
        step = _Step(attempt, ref, head[:-1] + b',"result":' + result + b"}")
        if len(step.text) > self._message_bytes_max:
            raise _handler.too_large(len(step.text), self._message_bytes_max)
        self._outbox[ref] = step
        step.acknowledged.add_done_callback(lambda done: self._on_step_done(ref, done))
        self._send(step.text)
        self._wake_fall_back()
        return step.acknowledged

    def _on_step_done(self, ref: str, done: "asyncio.Future[None]") -> None:
        # A handler that was canceled waits no more, but its step was done and is worth recording. That of a lost job is not.
        if not done.cancelled() and self._outbox.pop(ref, None) is not None:
            self._check_idle()

    # --- sending

    def _report(self, attempt: Attempt, report: Report) -> None:
        self._outbox[report.ref] = report
        self._attempts[report.ref] = attempt
        self._send(report.text)
        self._wake_fall_back()

    def _send_again(self, ref: str) -> None:
        outgoing = self._outbox.get(ref)
        if outgoing is not None:
            self._send(outgoing.text)

    def _send(self, *messages: bytes) -> None:
        """Sends if there is a connection; otherwise _on_welcome() sends what still counts then. All messages of one turn of
        the loop share a frame."""
        if self._connection is not None:
            self._queue += messages
            self._schedule_flush()

    def _add_credit(self) -> None:
        if self._state == "running":
            self._add_credits(1)

    def _add_credits(self, count: int) -> None:
        if self._connection is not None and count > 0:
            self._credits += count
            self._schedule_flush()

    def _schedule_flush(self) -> None:
        if not self._flushing and self._loop is not None:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        messages, self._queue = self._queue, []
        if self._credits > 0 and self._state == "running":
            messages.append(dumps({"type": "credits", "add": self._credits}))
        self._credits = 0
        if messages and self._connection is not None:
            self._connection.send(messages, self._message_bytes_max)

    def _ref(self) -> str:
        ref = str(self._next_ref)
        self._next_ref += 1
        return ref

    # --- while there is no WebSocket

    def _wake_fall_back(self) -> None:
        if self._connection is None and self._fall_back_wake is not None:
            self._fall_back_wake.set()

    async def _fall_back(self) -> None:
        """Reports and heartbeats by HTTP. It begins a second after the connection broke, since a new one may be there by
        then, and posts again when there is a new report, or when the leases need it, once a second at most."""
        assert self._fall_back_wake is not None
        failures = 0
        while True:
            await self._fall_back_wake.wait()
            self._fall_back_wake.clear()
            await asyncio.sleep(self._fall_back_interval)
            if self._connection is not None:
                failures = 0
                continue
            if not self._outbox and all(attempt.lost for attempt in self._running.values()):
                continue
            failures = 0 if await self._post() else failures + 1
            delay = reconnect_delay(max(1, failures), random.random(), *self._reconnect)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._fall_back_wake.wait(), min(delay, self._heartbeat_interval))
            self._fall_back_wake.set()

    async def _post(self) -> bool:
        """Whether the server answered."""
        try:
            for frame in frames_of(self._heartbeats() + self._unacknowledged(), self._message_bytes_max - 32):
                status, body = await asyncio.wait_for(
                    _http.post(
                        self._address,
                        self._address.path + "/v1/messages",
                        b'{"messages":[' + b",".join(frame) + b"]}",
                        headers=self._headers,
                        ssl_context=self._ssl_context,
                    ),
                    FALL_BACK_DEADLINE,
                )
                if status != 200:
                    logger.warning("the server did not take reports by HTTP", extra={"status": status})
                    return False
                answer = _body(body)
                for message in answer["messages"]:
                    if message["type"] == "heartbeat_ack":
                        self._on_heartbeat_ack(message)
                    elif message["type"] == "ack":
                        self._on_ack(message)
            return True
        except (OSError, asyncio.TimeoutError):
            return False  # _stay_connected() says so already
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            logger.warning("the server's answer by HTTP makes no sense", extra={"reason": repr(error)})
            return False

    # --- coming to rest

    def _is_idle(self) -> bool:
        """Whether nothing runs, all is acknowledged, and no job can be on its way here."""
        return not self._running and not self._outbox and (self._connection is None or self._connection.drained)

    def _check_idle(self) -> None:
        if self._idle_waiters and self._is_idle():
            self._wake_idle_waiters()

    def _wake_idle_waiters(self) -> None:
        for waiter in self._idle_waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def _when_idle(self, limit: float) -> None:
        """Until idle, or for `limit` seconds, or until someone is in a hurry."""
        if self._is_idle() or self._hurry:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._idle_waiters.add(waiter)
        try:
            await asyncio.wait([waiter], timeout=limit)
        finally:
            self._idle_waiters.discard(waiter)


def _check_labels(labels: Mapping[str, str], selectors: Mapping[str, Sequence[str]]) -> None:
    """The protocol's bounds, so that a mistake shows here and not as a connection that the server closes."""
    if len(labels) > 64 or len(selectors) > 16:
        raise ValueError("a worker has at most 64 labels and 16 selectors")
    for name, value in labels.items():
        if not isinstance(value, str) or len(value) > 256:
            raise ValueError(f"labels: {name} must be a string of at most 256 characters")
    for name, values in selectors.items():
        if isinstance(values, str):
            raise TypeError(f"selectors: {name} must have a list of values, not one string")
        if not 1 <= len(name) <= 128 or len(values) > 32:
            raise ValueError(f"selectors: {name!r} must have 1 to 128 characters and at most 32 values")
        if any(not isinstance(value, str) or len(value) > 256 for value in values):
            raise ValueError(f"selectors: the values of {name} must be strings of at most 256 characters")


def _body(body: bytes) -> Message:
    value = json.loads(body)
    if not isinstance(value, dict):
        raise TypeError("the body is no object")
    return value


def _unforeseen(ending: Ending) -> Optional[BaseException]:
    """The error whose traceback helps whoever reads the log: one that the handler did not raise on purpose."""
    if not isinstance(ending, BaseException) or isinstance(ending, (JobError, JobStopped, asyncio.CancelledError)):
        return None
    return ending
