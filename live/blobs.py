"""Bytes that a page shows the browser once: points, backdrops, thumbnails.

`publish(data, media_type)` keeps them under their SHA-256 and gives the URL. The same bytes have
the same URL, so a rerun resends nothing and the browser may keep its copy for good. The store is
bounded: the bytes that were published longest ago go first.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

MAX_BYTES = 256 << 20
FOREVER = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
}


class BlobStore:
    """A thread-safe, bounded map from SHA-256 to (bytes, media type)."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self.size = 0
        self._blobs: OrderedDict[str, tuple[bytes, str]] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, data: bytes, media_type: str) -> str:
        """Keep `data`; returns its key. ValueError when it alone is larger than the store."""
        if len(data) > self.max_bytes:
            raise ValueError(f"{len(data)} bytes are more than the store's {self.max_bytes}.")
        key = hashlib.sha256(media_type.encode() + b"\0" + data).hexdigest()
        with self._lock:
            if key not in self._blobs:
                self._blobs[key] = (data, media_type)
                self.size += len(data)
            self._blobs.move_to_end(key)
            while self.size > self.max_bytes:
                _, (oldest, _) = self._blobs.popitem(last=False)
                self.size -= len(oldest)
        return key

    def get(self, key: str) -> tuple[bytes, str] | None:
        with self._lock:
            return self._blobs.get(key)


_store = BlobStore()


def publish(data: bytes, media_type: str = "application/octet-stream") -> str:
    """Keep `data` for the browser; returns its URL, relative to the app's root."""
    return f"live/blob/{_store.add(data, media_type)}"


async def _blob(request: Request) -> Response:
    found = _store.get(request.path_params["key"])
    if found is None:
        return PlainTextResponse("These bytes are no longer kept; reload the page.", 404)
    data, media_type = found
    return Response(data, media_type=media_type, headers=FOREVER)


blob_route = Route("/live/blob/{key}", _blob)
