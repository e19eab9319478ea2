"""One WebSocket to the server, from connecting to closed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from typing import Any, Dict, List, Mapping, Optional, Protocol

from ._address import Address
from ._websocket import ConnectionClosed, HandshakeRefused, SubprotocolRefused, WebSocket
from .errors import WorkerRefused

SUBPROTOCOL = "errand.worker.v1"
CONNECT_TIMEOUT = 10.0
CLOSE_TIMEOUT = 3.0
SERVER_MESSAGE_BYTES_MAX = 64 << 20
MESSAGES_PER_FRAME = 1_000
# Close codes after which the same worker would be closed again.
_FINAL_CODES = {4400, 4403, 4406}

Message = Dict[str, Any]


class ServerFault(Exception):
    """The server sent something that the protocol does not have."""


class Receiver(Protocol):
    def received(self, connection: "Connection", message: Message) -> None:
        """Raises KeyError, TypeError or ValueError for a message that lacks what it must have."""

    def closed(self, connection: "Connection", refused: Optional[WorkerRefused]) -> None:
        """Once, after which nothing comes. `refused` says that connecting again would not help."""


def parse_messages(text: "str | bytes") -> List[Message]:
    """Reads one WebSocket message; raises ServerFault with what is wrong with it."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ServerFault(f"the server sent no JSON: {error}") from error
    messages = value if isinstance(value, list) else [value]
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise ServerFault("the server sent a message without a type")
    return messages


def frames_of(messages: List[bytes], bytes_max: int) -> List[List[bytes]]:
    """Splits messages into frames that the server takes: by number and by length."""
    frames: List[List[bytes]] = []
    size = 0
    for message in messages:
        if not frames or len(frames[-1]) == MESSAGES_PER_FRAME or size + len(message) + 1 > bytes_max:
            frames.append([])
            size = 1  # brackets and commas
        frames[-1].append(message)
        size += len(message) + 1
    return frames


class Connection:
    def __init__(self, socket: WebSocket, receiver: Receiver) -> None:
        self._socket = socket
        self._receiver = receiver
        self.drained = False  # the server has answered `drain` on it: no job is on its way here
        self.why = ""  # it ended
        loop = asyncio.get_running_loop()
        self.welcomed: "asyncio.Future[None]" = loop.create_future()
        self.leaving: "asyncio.Future[None]" = loop.create_future()  # it has ended, or the server is about to end it
        self.reader = loop.create_task(self._read())

    @classmethod
    async def open(
        cls, address: Address, headers: Mapping[str, str], receiver: Receiver, context: Optional[ssl.SSLContext]
    ) -> "Connection":
        """Raises WorkerRefused, or OSError or asyncio.TimeoutError when it may help to try again."""
        try:
            socket = await asyncio.wait_for(
                WebSocket.connect(
                    address,
                    subprotocol=SUBPROTOCOL,
                    headers=headers,
                    ssl_context=context,
                    message_bytes_max=SERVER_MESSAGE_BYTES_MAX,
                ),
                CONNECT_TIMEOUT,
            )
        except HandshakeRefused as error:
            refused = refusal(error.status, error.body)
            if refused is not None:
                raise refused from None
            raise ConnectionError(f"HTTP {error.status}") from None
        except SubprotocolRefused as error:
            raise WorkerRefused(str(error), 4406) from None
        return cls(socket, receiver)

    @property
    def silence(self) -> float:
        return self._socket.silence

    @property
    def is_open(self) -> bool:
        return self._socket.is_open

    def send(self, messages: List[bytes], bytes_max: int) -> None:
        """What cannot be sent is dropped: it is sent anew after reconnecting."""
        for frame in frames_of(messages, bytes_max):
            self._socket.send(frame[0] if len(frame) == 1 else b"[" + b",".join(frame) + b"]")

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes in an orderly way, or by force when the server does not answer."""
        self._socket.close(code, reason)
        asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, self._socket.abort)

    def abort(self) -> None:
        """Gives the connection up: it is dead already."""
        self._socket.abort()

    async def _read(self) -> None:
        failure = ""
        fault = False
        closed = ConnectionClosed(1006, "")
        try:
            while True:
                for message in parse_messages(await self._socket.receive()):
                    if message["type"] == "error":
                        failure = f"{message.get('code')}: {message.get('message')}"
                    try:
                        self._receiver.received(self, message)
                    except (KeyError, TypeError, ValueError, AttributeError) as error:
                        raise ServerFault(
                            f"the server's message {message['type']} lacks what it must have: {error!r}"
                        ) from error
        except ServerFault as error:
            failure, fault = str(error), True
            self.close(4400, failure)
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await self._socket.receive()
        except ConnectionClosed as error:
            closed = error
        self.why = failure or str(closed)
        code = 4400 if fault else closed.code
        refused = WorkerRefused(self.why, code) if code in _FINAL_CODES else None
        if not self.welcomed.done():
            self.welcomed.set_exception(refused or ConnectionError(self.why))
            self.welcomed.exception()  # seen: whoever waited may have given up
        self.leave()
        self._receiver.closed(self, refused)

    def leave(self) -> None:
        if not self.leaving.done():
            self.leaving.set_result(None)


def refusal(status: int, body: str) -> Optional[WorkerRefused]:
    """None when the same handshake may succeed later."""
    if status == 429 or status >= 500 or status < 400:
        return None
    meaning = {
        401: "the server does not know this token",
        403: "the token is not for a worker",
        404: "there is no Errand server at this address",
    }.get(status, "the server refused the connection")
    return WorkerRefused(f"{meaning} (HTTP {status}{': ' + body[:300] if body else ''})", status)
