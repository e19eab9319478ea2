"""Where the server is."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Optional
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Address:
    """The worker endpoint below a server's address: `path` for the WebSocket, `path`/v1/... for HTTP."""

    host: str
    port: int
    secure: bool
    path: str

    @property
    def origin(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.authority}"

    @property
    def authority(self) -> str:
        """For the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def endpoint(url: str) -> Address:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https", "ws", "wss"):
        raise ValueError(f"url must begin with http:, https:, ws: or wss:, not {parts.scheme or url!r}")
    if not parts.hostname:
        raise ValueError(f"url has no host: {url!r}")
    secure = parts.scheme in ("https", "wss")
    path = parts.path if parts.path.endswith("/worker") else parts.path.rstrip("/") + "/worker"
    return Address(parts.hostname, parts.port or (443 if secure else 80), secure, path)


def tls(address: Address, context: Optional[ssl.SSLContext]) -> Optional[ssl.SSLContext]:
    if not address.secure:
        return None
    return context if context is not None else ssl.create_default_context()
