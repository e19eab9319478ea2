"""A server that speaks the protocol as a test tells it to, and holds every message against the schemas."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import pathlib
import ssl
from typing import Any, Callable, Dict, List, Optional, Tuple

import jsonschema

PROTOCOL = pathlib.Path(__file__).resolve().parents[3] / "docs" / "protocol"
FRAMES: Dict[str, Any] = json.loads((PROTOCOL / "frames" / "worker-v1.json").read_text())
_SCHEMAS = {
    schema["$id"]: schema
    for schema in (json.loads(file.read_text()) for file in (PROTOCOL / "schemas" / "worker").glob("*.json"))
}


def schema_errors(name: str, message: Any) -> str:
    """What is wrong with `message` by the schema `name`; "" for nothing."""
    schema = _SCHEMAS[f"https://errand.dev/protocol/worker/v1/{name}.json"]
    resolver = jsonschema.RefResolver(schema["$id"], schema, store=_SCHEMAS)
    validator = jsonschema.Draft202012Validator(
        schema, resolver=resolver, format_checker=jsonschema.FormatChecker(["uuid"])
    )
    return "; ".join(error.message for error in validator.iter_errors(message))


JOB_ID = "0193595e-7a00-7abc-8def-0123456789ab"
REPORTS = ("complete", "fail", "release", "snooze")


def job_message(number: int, **rest: Any) -> Dict[str, Any]:
    return {
        "type": "job", "jobId": f"{JOB_ID[:-4]}{number:04d}", "token": f"{number}.AAAAAAAAAAAAAAAAAAAAAA", "jobType": "work",
        "queue": "default", "tenant": "acme", "run": 1, "attempt": 1, "maxAttempts": 5, "arguments": {"input": {"n": number}},
        "leaseMs": 30000, "timeoutMs": 60000, "priority": 0, "tags": [], "labels": {}, "correlationId": f"c-{number}",
        "createdAt": "2026-11-23T20:15:00.000Z", **rest,
    }  # fmt: skip


def frame(opcode: int, payload: bytes, final: bool = True) -> bytes:
    head = bytes([(0x80 if final else 0) | opcode])
    size = len(payload)
    if size < 126:
        return head + bytes([size]) + payload
    if size < 1 << 16:
        return head + b"\x7e" + size.to_bytes(2, "big") + payload
    return head + b"\x7f" + size.to_bytes(8, "big") + payload


class Socket:
    """The server's end of a WebSocket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.frames: List[Tuple[int, bytes]] = []  # all that came, opcode and payload
        self.close_code: Optional[int] = None
        self.over = False

    async def read(self) -> Tuple[int, bytes]:
        head = await self.reader.readexactly(2)
        assert head[0] & 0x70 == 0 and head[1] & 0x80, "a client's frame is masked and has no reserved bits"
        length = head[1] & 0x7F
        if length == 126:
            length = int.from_bytes(await self.reader.readexactly(2), "big")
        elif length == 127:
            length = int.from_bytes(await self.reader.readexactly(8), "big")
        key = await self.reader.readexactly(4)
        payload = await self.reader.readexactly(length)
        return head[0] & 0x0F, bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))

    def raw(self, data: bytes) -> None:
        self.writer.write(data)

    def close(self, code: int, reason: str = "") -> None:
        self.raw(frame(0x8, code.to_bytes(2, "big") + reason.encode()))

    def cut(self) -> None:
        self.writer.transport.abort()


class FakeServer:
    def __init__(self) -> None:
        self.received: List[Dict[str, Any]] = []
        self.batches: List[int] = []
        self.posted: List[Dict[str, Any]] = []
        self.problems: List[str] = []
        self.sockets: List[Socket] = []
        self.heartbeat_ms = 10_000
        self.message_bytes_max = 1 << 20
        self.welcome: Dict[str, Any] = {}
        self.welcoming = True
        self.answering = True  # reports and heartbeats by itself
        self.job_state: Dict[str, Any] = {"state": "RUNNING", "leaseMs": 30000}  # in the answers to heartbeats
        self.refuse_with = 0  # HTTP status for the next handshakes; 0 lets them in
        self.subprotocol: Optional[str] = "errand.worker.v1"
        self.accept_suffix = ""
        self.http_status = 200
        self.requests: List[Dict[str, str]] = []
        self.authorization: Optional[str] = None
        self.path: Optional[str] = None
        self._changed = asyncio.Event()
        self._tasks: List["asyncio.Task[Any]"] = []

    @classmethod
    async def start(cls, port: int = 0, context: Optional[ssl.SSLContext] = None) -> "FakeServer":
        server = cls()
        server.tcp = await asyncio.start_server(server._connected, "127.0.0.1", port, ssl=context)
        server.port = server.tcp.sockets[0].getsockname()[1]
        server.url = f"{'https' if context else 'http'}://127.0.0.1:{server.port}"
        return server

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.append(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            request, *lines = head.split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}
            method, self.path, _ = request.split(" ")
            self.requests.append({"method": method, "path": self.path, **headers})
            self.authorization = headers.get("authorization")
            if method == "POST":
                await self._post(reader, writer, headers)
            else:
                await self._upgrade(reader, writer, headers)
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _upgrade(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, headers: Dict[str, str]) -> None:
        if self.refuse_with:
            writer.write(f"HTTP/1.1 {self.refuse_with} No\r\nContent-Length: 6\r\n\r\nreason".encode())
            self._wake()
            return
        assert headers["sec-websocket-protocol"] == "errand.worker.v1" and "sec-websocket-extensions" not in headers
        key = headers["sec-websocket-key"].encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key).digest()).decode() + self.accept_suffix
        chosen = f"Sec-WebSocket-Protocol: {self.subprotocol}\r\n" if self.subprotocol else ""
        writer.write(
            f"HTTP/1.1 101 OK\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n{chosen}\r\n".encode()
        )
        socket = Socket(reader, writer)
        self.sockets.append(socket)
        self._wake()
        try:
            while True:
                opcode, payload = await socket.read()
                socket.frames.append((opcode, payload))
                if opcode == 0x1:
                    value = json.loads(payload)
                    messages = value if isinstance(value, list) else [value]
                    self.batches.append(len(messages))
                    if len(payload) > self.message_bytes_max:
                        self.problems.append(f"a frame of {len(payload)} bytes")
                    for message in messages:
                        self._take(message, socket)
                elif opcode == 0x8:
                    socket.close_code = int.from_bytes(payload[:2], "big")
                    socket.raw(frame(0x8, payload))
                    return
                self._wake()
        finally:
            socket.over = True
            self._wake()

    async def _post(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, headers: Dict[str, str]) -> None:
        body = json.loads(await reader.readexactly(int(headers["content-length"])))
        answers: List[Dict[str, Any]] = []
        if self.http_status == 200:
            wrong = schema_errors("messages-request", body)
            if wrong:
                self.problems.append(f"{body}: {wrong}")
            for message in body["messages"]:
                self.posted.append(message)
                if message["type"] == "heartbeat":
                    answers.append(self._heartbeat_ack(message))
                elif message["type"] in (*REPORTS, "step"):
                    answers.append(self.ack_of(message))
        text = json.dumps({"messages": answers}).encode()
        # In chunks, as some proxies do.
        writer.write(
            f"HTTP/1.1 {self.http_status} X\r\nTransfer-Encoding: chunked\r\n\r\n{len(text):x}\r\n".encode() + text + b"\r\n0\r\n\r\n"
        )
        await writer.drain()
        self._wake()

    def _heartbeat_ack(self, message: Dict[str, Any]) -> Dict[str, Any]:
        return {"type": "heartbeat_ack", "jobs": [{**job, **self.job_state} for job in message["jobs"]]}

    def _take(self, message: Dict[str, Any], socket: Socket) -> None:
        wrong = schema_errors("worker-to-server", message)
        if message["type"] == "step" and "steps" not in self.welcome.get("features", []):
            wrong = FRAMES["features"]["steps"]["refusal"]
        if wrong:
            self.problems.append(f"{message}: {wrong}")
        self.received.append(message)
        kind = message["type"]
        if kind == "hello" and self.welcoming:
            self.send({
                "type": "welcome", "workerId": "w-1", "server": "errand/test", "heartbeatMs": self.heartbeat_ms, "leaseMs": 30000,
                "messageBytesMax": self.message_bytes_max, "unknownTypes": [], **self.welcome,
            }, socket)  # fmt: skip
        if self.answering:
            if kind == "drain":
                self.send({"type": "draining"}, socket)
            if kind == "heartbeat":
                self.send(self._heartbeat_ack(message), socket)
            if kind in REPORTS or kind == "step":
                self.send(self.ack_of(message), socket)

    @staticmethod
    def ack_of(message: Dict[str, Any], error: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        held = {name: message[name] for name in ("ref", "jobId", "token")}
        return {"type": "ack", **held, "status": "REFUSED" if error else "OK", **({"error": error} if error else {})}

    def ack(self, message: Dict[str, Any], error: Optional[Dict[str, Any]] = None) -> None:
        self.send(self.ack_of(message, error))

    def send(self, message: Any, socket: Optional[Socket] = None) -> None:
        for each in message if isinstance(message, list) else [message]:
            wrong = schema_errors("server-to-worker", each)
            if wrong:
                self.problems.append(f"server: {each}: {wrong}")
        (socket or self.sockets[-1]).raw(frame(0x1, json.dumps(message).encode()))

    def cut(self) -> None:
        """Breaks the connection without a close frame."""
        self.sockets[-1].cut()

    def of(self, kind: str) -> List[Dict[str, Any]]:
        return [message for message in self.received if message["type"] == kind]

    def last(self, kind: str) -> Optional[Dict[str, Any]]:
        found = self.of(kind)
        return found[-1] if found else None

    def credits(self) -> int:
        return sum(message["add"] for message in self.of("credits"))

    def _wake(self) -> None:
        self._changed.set()

    async def until(self, condition: "Callable[[], Any]") -> Any:
        """What `condition` gives, once that is true."""
        while True:
            value = condition()
            if value:
                return value
            self._changed.clear()
            await self._changed.wait()

    async def stop(self) -> None:
        self.tcp.close()
        for socket in self.sockets:
            socket.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.tcp.wait_closed()
