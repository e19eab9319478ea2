"""A WebSocket client (RFC 6455) on asyncio streams: text messages, no extensions."""

from __future__ import annotations

import asyncio
import base64
import codecs
import contextlib
import hashlib
import os
import ssl
import time
from typing import Dict, List, Mapping, Optional, Tuple

from ._address import Address, tls

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_HEAD_BYTES_MAX = 64 * 1024
_REFUSAL_BYTES_MAX = 2_000


class HandshakeRefused(Exception):
    """The server answered the handshake with something else than a WebSocket."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.body = body


class SubprotocolRefused(Exception):
    """The server opened a WebSocket of another protocol."""


class ConnectionClosed(Exception):
    """The connection is over. code: the close code, 1006 when there was none."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason or f"closed with {code}")
        self.code = code
        self.reason = reason


class _ProtocolError(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


async def read_head(reader: asyncio.StreamReader) -> Tuple[int, Dict[str, str]]:
    """Status and headers (names in lower case) of an HTTP response."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise ConnectionError("the server closed the connection without an answer") from error
    except asyncio.LimitOverrunError as error:
        raise ConnectionError("the server's answer is no HTTP") from error
    lines = head.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ", 2)
    if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdigit():
        raise ConnectionError("the server's answer is no HTTP")
    headers: Dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            key = name.strip().lower()
            value = value.strip()
            headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return int(parts[1]), headers


def mask(data: bytes, key: bytes) -> bytes:
    """XOR with the key over and over; as one number, which is some hundred times faster than byte by byte."""
    size = len(data)
    pad = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "little") ^ int.from_bytes(pad, "little")).to_bytes(size, "little")


def frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    head = bytearray([0x80 | opcode])
    if size < 126:
        head.append(0x80 | size)
    elif size < 1 << 16:
        head.append(0x80 | 126)
        head += size.to_bytes(2, "big")
    else:
        head.append(0x80 | 127)
        head += size.to_bytes(8, "big")
    key = os.urandom(4)
    return bytes(head) + key + mask(payload, key)


class WebSocket:
    """An open WebSocket. One task calls receive(); everything else is called on the same loop and does not block."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, message_bytes_max: int
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._message_bytes_max = message_bytes_max
        self._close_sent = False
        self._over: Optional[ConnectionClosed] = None
        self._heard_at = time.monotonic()

    @classmethod
    async def connect(
        cls,
        address: Address,
        *,
        subprotocol: str,
        headers: Mapping[str, str],
        ssl_context: Optional[ssl.SSLContext] = None,
        message_bytes_max: int,
    ) -> "WebSocket":
        reader, writer = await asyncio.open_connection(
            address.host, address.port, ssl=tls(address, ssl_context), limit=_HEAD_BYTES_MAX
        )
        try:
            await cls._shake_hands(reader, writer, address, subprotocol, headers)
        except BaseException:
            writer.transport.abort()
            raise
        return cls(reader, writer, message_bytes_max)

    @staticmethod
    async def _shake_hands(
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        address: Address,
        subprotocol: str,
        headers: Mapping[str, str],
    ) -> None:
        key = base64.b64encode(os.urandom(16))
        all_headers = {
            "Host": address.authority,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key.decode(),
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": subprotocol,
            **headers,
        }
        lines = [f"GET {address.path} HTTP/1.1", *(f"{name}: {value}" for name, value in all_headers.items())]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        status, answer = await read_head(reader)
        if status != 101:
            raise HandshakeRefused(status, await _refusal(reader, answer))
        expected = base64.b64encode(hashlib.sha1(key + _GUID).digest()).decode()
        if (
            answer.get("upgrade", "").lower() != "websocket"
            or "upgrade" not in [word.strip().lower() for word in answer.get("connection", "").split(",")]
            or answer.get("sec-websocket-accept") != expected
        ):
            raise ConnectionError("the server's handshake is no WebSocket's")
        chosen = answer.get("sec-websocket-protocol")
        if chosen != subprotocol:
            raise SubprotocolRefused(
                f"the server speaks {chosen}, not {subprotocol}"
                if chosen
                else f"the server did not agree to the subprotocol {subprotocol}"
            )
        if answer.get("sec-websocket-extensions"):
            raise ConnectionError("the server chose a WebSocket extension that was not offered")

    @property
    def silence(self) -> float:
        """Seconds since the server was heard last."""
        return time.monotonic() - self._heard_at

    @property
    def is_open(self) -> bool:
        return self._over is None and not self._close_sent and not self._writer.is_closing()

    def send(self, text: bytes) -> None:
        """Sends one text message, UTF-8. What cannot be sent any more is dropped."""
        if self.is_open:
            self._writer.write(frame(_TEXT, text))

    async def receive(self) -> str:
        """The next text message; raises ConnectionClosed at the end. Pings are answered on the way, binary messages are
        not for us and passed over."""
        while True:
            if self._over is not None:
                raise self._over
            try:
                opcode, payload = await self._message()
                if opcode == _TEXT:
                    return codecs.decode(payload, "utf-8")
            except _ProtocolError as error:
                await self._fail(error.code, str(error))
            except UnicodeDecodeError:
                await self._fail(1007, "the text is not UTF-8")
            except (asyncio.IncompleteReadError, OSError) as error:
                why = "" if isinstance(error, asyncio.IncompleteReadError) else str(error)
                self._end(1006, why or "the connection broke")

    async def _fail(self, code: int, why: str) -> None:
        self._send_close(code, why)
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            await asyncio.wait_for(self._writer.drain(), 1.0)
        self._end(code, why)

    async def _message(self) -> Tuple[int, bytes]:
        """One whole message; control frames between its fragments are dealt with."""
        first: Optional[int] = None
        pieces: List[bytes] = []
        size = 0
        while True:
            head = await self._reader.readexactly(2)
            final, opcode, length = head[0] & 0x80, head[0] & 0x0F, head[1] & 0x7F
            if head[0] & 0x70:
                raise _ProtocolError(1002, "reserved bits are set")
            if head[1] & 0x80:
                raise _ProtocolError(1002, "a server's frame must not be masked")
            if opcode >= _CLOSE:
                if length > 125 or not final:
                    raise _ProtocolError(1002, "a control frame is too long or fragmented")
                payload = await self._reader.readexactly(length) if length else b""
                self._heard_at = time.monotonic()
                self._control(opcode, payload)
                continue
            if length == 126:
                length = int.from_bytes(await self._reader.readexactly(2), "big")
            elif length == 127:
                length = int.from_bytes(await self._reader.readexactly(8), "big")
            if opcode not in (_CONTINUATION, _TEXT, _BINARY):
                raise _ProtocolError(1002, "the opcode is unknown")
            if (opcode == _CONTINUATION) != (first is not None):
                raise _ProtocolError(1002, "a fragment is out of order")
            size += length
            if size > self._message_bytes_max:
                raise _ProtocolError(1009, f"the message is longer than {self._message_bytes_max} bytes")
            if opcode != _CONTINUATION:
                first = opcode
            pieces.append(await self._reader.readexactly(length))
            self._heard_at = time.monotonic()
            if final:
                assert first is not None
                return first, pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == _PING:
            if self.is_open:
                self._writer.write(frame(_PONG, payload))
        elif opcode == _CLOSE:
            if len(payload) == 1:
                raise _ProtocolError(1002, "the close code is cut off")
            code = int.from_bytes(payload[:2], "big") if payload else 1005
            reason = payload[2:].decode("utf-8", "replace")
            self._send_close(code if payload else 1000, "")
            self._end(code, reason)
            raise ConnectionClosed(code, reason)
        elif opcode != _PONG:
            raise _ProtocolError(1002, "the opcode is unknown")

    def _send_close(self, code: int, reason: str) -> None:
        if self._over is None and not self._close_sent and not self._writer.is_closing():
            self._writer.write(frame(_CLOSE, code.to_bytes(2, "big") + _cut(reason)))
        self._close_sent = True

    def close(self, code: int, reason: str = "") -> None:
        """Begins the closing handshake; receive() raises ConnectionClosed once the server has answered."""
        self._send_close(code, reason)

    def abort(self) -> None:
        """Gives the connection up."""
        self._writer.transport.abort()

    def _end(self, code: int, reason: str) -> None:
        if self._over is None:
            self._over = ConnectionClosed(code, reason)
            self._writer.close()


def _cut(reason: str) -> bytes:
    """At most 123 bytes, as a control frame takes, and no half character."""
    return reason.encode("utf-8", "replace")[:123].decode("utf-8", "ignore").encode()


async def _refusal(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> str:
    """The beginning of a refusing answer's body."""
    length = headers.get("content-length", "")
    wanted = min(int(length), _REFUSAL_BYTES_MAX) if length.isdigit() else _REFUSAL_BYTES_MAX
    body = b""
    with contextlib.suppress(OSError, asyncio.TimeoutError):
        while len(body) < wanted:
            piece = await asyncio.wait_for(reader.read(wanted - len(body)), 2.0)
            if not piece:
                break
            body += piece
    return body.decode("utf-8", "replace").strip()
