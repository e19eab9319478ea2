"""The WebSocket client (RFC 6455), byte by byte, and the HTTP client beside it."""

from __future__ import annotations

import asyncio
import os
import pathlib
import ssl
import subprocess
import tempfile
import unittest
from typing import Any, Awaitable, Callable, Optional

from errand_worker import _http, _websocket
from errand_worker._address import endpoint
from errand_worker._websocket import ConnectionClosed, HandshakeRefused, SubprotocolRefused, WebSocket, mask
from fake_server import FakeServer, frame


class Sockets(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.server = await FakeServer.start()
        self.server.welcoming = False

    async def asyncTearDown(self) -> None:
        await self.server.stop()

    async def connect(self, message_bytes_max: int = 1 << 20, context: Optional[ssl.SSLContext] = None) -> WebSocket:
        return await WebSocket.connect(
            endpoint(self.server.url), subprotocol="errand.worker.v1", headers={}, message_bytes_max=message_bytes_max, ssl_context=context
        )

    async def closed(self, socket: WebSocket) -> ConnectionClosed:
        with self.assertRaises(ConnectionClosed) as caught:
            await socket.receive()
        return caught.exception

    async def test_short_long_and_very_long_messages_both_ways(self) -> None:
        socket = await self.connect()
        for size in (0, 1, 125, 126, 65_535, 65_536, 300_000):
            text = ("ä" * size)[: size // 2] + "x" * (size % 2)
            socket.send(f'{{"type": "t", "x": "{text}"}}'.encode())
            got = await self.server.until(lambda: self.server.received)
            self.assertEqual(got.pop()["x"], text)
            self.server.sockets[0].raw(frame(1, text.encode()))
            self.assertEqual(await socket.receive(), text)
        socket.abort()

    async def test_fragments_with_a_ping_between_them_are_one_message(self) -> None:
        socket = await self.connect()
        peer = self.server.sockets[0]
        whole = "Grüße".encode()
        peer.raw(frame(1, whole[:3], final=False) + frame(9, b"are you there") + frame(0, whole[3:4], final=False) + frame(0xA, b"") + frame(0, whole[4:]))
        self.assertEqual(await socket.receive(), "Grüße")
        await self.server.until(lambda: (0xA, b"are you there") in peer.frames)
        socket.abort()

    async def test_binary_messages_are_passed_over(self) -> None:
        socket = await self.connect()
        self.server.sockets[0].raw(frame(2, b"\xff") + frame(1, b"text"))
        self.assertEqual(await socket.receive(), "text")
        socket.abort()

    async def test_what_breaks_the_protocol_closes_with_its_code(self) -> None:
        cases = {
            "reserved bit": (b"\xc1\x00", 1002),
            "masked": (b"\x81\x80\x00\x00\x00\x00", 1002),
            "unknown opcode": (frame(3, b""), 1002),
            "unknown control opcode": (frame(0xB, b""), 1002),
            "continuation of nothing": (frame(0, b"x"), 1002),
            "message within a message": (frame(1, b"x", final=False) + frame(1, b"y"), 1002),
            "fragmented ping": (frame(9, b"", final=False), 1002),
            "long ping": (frame(9, b"x" * 126), 1002),
            "half a close code": (frame(8, b"\x03"), 1002),
            "no UTF-8": (frame(1, b"\xff\xfe"), 1007),
            "too long": (frame(1, b"x" * 1001), 1009),
            "too long in pieces": (frame(1, b"x" * 600, final=False) + frame(0, b"x" * 600), 1009),
            "too long, said ahead": (b"\x81\x7f" + (1 << 62).to_bytes(8, "big"), 1009),
        }
        for name, (data, code) in cases.items():
            with self.subTest(name):
                socket = await self.connect(message_bytes_max=1000)
                peer = self.server.sockets[-1]
                peer.raw(data)
                self.assertEqual((await self.closed(socket)).code, code)
                await self.server.until(lambda: peer.close_code)
                self.assertEqual(peer.close_code, code)

    async def test_close_frames(self) -> None:
        for payload, code, answered in ((b"", 1005, 1000), (b"\x11\x33no", 4403, 4403), (b"\x03\xe9", 1001, 1001)):
            socket = await self.connect()
            peer = self.server.sockets[-1]
            peer.raw(frame(8, payload))
            closed = await self.closed(socket)
            self.assertEqual((closed.code, closed.reason), (code, payload[2:].decode()))
            await self.server.until(lambda: peer.close_code)
            self.assertEqual(peer.close_code, answered)
            self.assertFalse(socket.is_open)
            socket.send(b"dropped")

    async def test_its_own_close_is_answered(self) -> None:
        socket = await self.connect()
        socket.close(1000, "ä" * 100)
        self.assertEqual((await self.closed(socket)).code, 1000)
        self.assertLessEqual(len(self.server.sockets[0].frames[-1][1]), 125)
        self.server.sockets[0].frames[-1][1][2:].decode()

    async def test_a_broken_connection_is_1006(self) -> None:
        socket = await self.connect()
        self.server.cut()
        self.assertEqual((await self.closed(socket)).code, 1006)
        self.assertEqual((await self.closed(socket)).code, 1006)

    async def test_handshakes_that_are_none(self) -> None:
        self.server.accept_suffix = "x"
        with self.assertRaisesRegex(ConnectionError, "handshake"):
            await self.connect()
        self.server.accept_suffix = ""
        self.server.subprotocol = "graphql-transport-ws"
        with self.assertRaisesRegex(SubprotocolRefused, "graphql-transport-ws"):
            await self.connect()
        self.server.refuse_with = 401
        with self.assertRaises(HandshakeRefused) as caught:
            await self.connect()
        self.assertEqual((caught.exception.status, caught.exception.body), (401, "reason"))

    async def test_answers_that_are_no_http(self) -> None:
        for answer in (b"", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"x" * 200_000):
            async with _raw_server(answer) as url:
                self.server.url, own = url, self.server.url
                with self.assertRaises(ConnectionError):
                    await self.connect()
                with self.assertRaises(ConnectionError):
                    await _http.post(endpoint(url), "/x", b"{}", headers={})
                self.server.url = own

    async def test_http_bodies_by_length_in_chunks_and_to_the_end(self) -> None:
        for answer in (
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n",
            b"HTTP/1.0 200 OK\r\n\r\nbody",
        ):
            async with _raw_server(answer) as url:
                self.assertEqual(await _http.post(endpoint(url), "/x", b"{}", headers={}), (200, b"body"))
        for answer in (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbody",
            b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nbody",
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nbody",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n",
        ):
            async with _raw_server(answer) as url:
                with self.assertRaises(ConnectionError):
                    await _http.post(endpoint(url), "/x", b"{}", headers={})

    async def test_over_tls_with_the_certificate_checked(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            key, certificate = (str(pathlib.Path(folder, name)) for name in ("key.pem", "certificate.pem"))
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                 "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                check=True, capture_output=True,
            )  # fmt: skip
            await self.server.stop()
            server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            server_context.load_cert_chain(certificate, key)
            self.server = await FakeServer.start(context=server_context)
            trusting = ssl.create_default_context(cafile=certificate)
            socket = await self.connect(context=trusting)
            self.server.sockets[0].raw(frame(1, b"secret"))
            self.assertEqual(await socket.receive(), "secret")
            socket.close(1000)
            await self.closed(socket)
            status, _ = await _http.post(
                endpoint(self.server.url), "/worker/v1/messages", b'{"messages": [{"type": "heartbeat", "jobs": []}]}', headers={}, ssl_context=trusting
            )
            self.assertEqual(status, 200)
            with self.assertRaises(ssl.SSLCertVerificationError):
                await self.connect()


class Masks(unittest.TestCase):
    def test_masking_is_its_own_inverse_and_as_the_rfc_has_it(self) -> None:
        self.assertEqual(mask(b"Hello", bytes.fromhex("37fa213d")), bytes.fromhex("7f9f4d5158"))
        for size in (*range(10), 1000):
            data, key = os.urandom(size), os.urandom(4)
            self.assertEqual(mask(mask(data, key), key), data)
            self.assertEqual(mask(data, key), bytes(byte ^ key[i % 4] for i, byte in enumerate(data)))


class _raw_server:
    """Answers every connection with the same bytes."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer

    async def __aenter__(self) -> str:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self.answer)
            writer.close()

        self.server = await asyncio.start_server(connected, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    async def __aexit__(self, *_: Any) -> None:
        self.server.close()
        await self.server.wait_closed()


if __name__ == "__main__":
    unittest.main()
