"""Bytes that a page shows the browser once: points, backdrops, thumbnails.

`publish(data, media_type)` keeps them under their SHA-256 and gives the URL. The same bytes have
the same URL, so a rerun resends nothing and the browser may keep its copy for good. They are kept
in memory and on disk, where the other servers of the same runs find them. Both stores are bounded:
the bytes that were published longest ago go first.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import re
import threading
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from live.servers import shared_folder
from vae_core.errors import ConfigError

MAX_BYTES = 256 << 20
MAX_BYTES_ON_DISK = 1 << 30
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
        """Keep `data`; returns its key. ConfigError when it alone is larger than the store."""
        if len(data) > self.max_bytes:
            raise ConfigError(
                f"{len(data)} bytes are more than the store's {self.max_bytes}; show fewer points."
            )
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


class BlobFolder:
    """The same on disk: a file of each, the media type in its first line."""

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES_ON_DISK) -> None:
        self.folder, self.max_bytes = folder, max_bytes

    def add(self, key: str, data: bytes, media_type: str) -> None:
        """Keep `data`, or know it as published just now; OSError where that cannot be."""
        file = self.folder / key
        with suppress(FileNotFoundError):
            os.utime(file)
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f".{key}-{os.getpid()}-{threading.get_ident()}"
        try:
            part.write_bytes(media_type.encode() + b"\n" + data)
            part.replace(file)  # not synced: what a crash of the machine loses is published again
        finally:
            part.unlink(missing_ok=True)
        self._make_room(key)

    def get(self, key: str) -> tuple[bytes, str] | None:
        if not KEY.fullmatch(key):
            return None
        try:
            media_type, _, data = (self.folder / key).read_bytes().partition(b"\n")
        except OSError:
            return None
        return data, media_type.decode()

    def _make_room(self, newest: str) -> None:
        """For one that was added just now, and stays, though others may be of the same tick."""
        files = []
        for entry in os.scandir(self.folder):
            with suppress(FileNotFoundError):  # another server makes room, too
                told = entry.stat()
                when = entry.name == newest, told.st_mtime_ns
                files.append((when, told.st_size, entry.path))
        size = sum(size for _, size, _ in files)
        for _, of_file, path in sorted(files):
            if size <= self.max_bytes:
                break
            Path(path).unlink(missing_ok=True)
            size -= of_file


KEY = re.compile("[0-9a-f]{64}")
_store = BlobStore()
log = logging.getLogger("zscape.live")


def _folder() -> BlobFolder:
    return BlobFolder(shared_folder() / "blobs")


def publish(data: bytes, media_type: str = "application/octet-stream") -> str:
    """Keep `data` for the browser; returns its URL, relative to the app's root."""
    key = _store.add(data, media_type)
    try:
        _folder().add(key, data, media_type)
    except OSError as error:
        log.warning("Other servers do not find what this one publishes: %s", error)
    return f"live/blob/{key}"


async def _blob(request: Request) -> Response:
    key = request.path_params["key"]
    found = _store.get(key) or await asyncio.to_thread(_folder().get, key)
    if found is None:
        return PlainTextResponse("These bytes are no longer kept; reload the page.", 404)
    data, media_type = found
    return Response(data, media_type=media_type, headers=FOREVER)


blob_route = Route("/live/blob/{key}", _blob)
