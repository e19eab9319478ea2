"""One POST over HTTP/1.1, for the way without a WebSocket."""

from __future__ import annotations

import asyncio
import ssl
from typing import Mapping, Optional, Tuple

from ._address import Address, tls
from ._websocket import read_head

_BODY_BYTES_MAX = 64 << 20


async def post(
    address: Address,
    path: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    ssl_context: Optional[ssl.SSLContext] = None,
) -> Tuple[int, bytes]:
    """Status and body of the answer. Raises OSError when there is none. The caller sets the deadline."""
    reader, writer = await asyncio.open_connection(address.host, address.port, ssl=tls(address, ssl_context))
    try:
        all_headers = {
            "Host": address.authority,
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Accept-Encoding": "identity",
            "Connection": "close",
            **headers,
        }
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in all_headers.items())]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body)
        status, answer = await read_head(reader)
        while 100 <= status < 200:
            status, answer = await read_head(reader)
        return status, await _body(reader, answer)
    except (asyncio.IncompleteReadError, ValueError) as error:
        raise ConnectionError("the server's answer was cut off") from error
    finally:
        writer.transport.abort()


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        whole = bytearray()
        while True:
            size = int((await reader.readuntil(b"\r\n")).split(b";")[0].strip(), 16)
            if len(whole) + size > _BODY_BYTES_MAX:
                raise ConnectionError("the server's answer is too long")
            if size == 0:
                return bytes(whole)
            whole += await reader.readexactly(size)
            await reader.readexactly(2)
    length = headers.get("content-length")
    if length is not None:
        if int(length) > _BODY_BYTES_MAX:
            raise ConnectionError("the server's answer is too long")
        return await reader.readexactly(int(length))
    whole = bytearray()
    while True:
        piece = await reader.read(64 * 1024)
        if not piece:
            return bytes(whole)
        whole += piece
        if len(whole) > _BODY_BYTES_MAX:
            raise ConnectionError("the server's answer is too long")
