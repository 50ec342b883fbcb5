"""ES modules and style sheets of the components, served under the hash of their folder.

A component's JavaScript lives in files, not in strings that Streamlit sends again with each change.
Modules import one another by relative paths, so one hash over the whole folder names them all.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from live.blobs import FOREVER

MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css"}

LEVEL = 1  # of compression: who asks first waits for it

_folders: dict[str, dict[str, tuple[bytes, str]]] = {}
_later: dict[tuple[str, str], Path] = {}


def publish_folder(folder: Path) -> str:
    """Serve the .js and .css files in `folder`; returns their URL, relative to the app's root."""
    files = {
        path.name: (path.read_bytes(), MEDIA_TYPES[path.suffix])
        for path in sorted(folder.iterdir())
        if path.suffix in MEDIA_TYPES
    }
    digest = hashlib.sha256()
    for name, (data, _) in files.items():
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    key = digest.hexdigest()[:16]
    _folders[key] = files
    return f"live/assets/{key}"


def publish_later(path: Path, version: str) -> str:
    """Serve a large file that few visitors ask for, compressed; it is read when the first one does.

    version: tells its contents from all others of that name. Returns the URL.
    """
    key = hashlib.sha256(f"{path.name}\0{version}".encode()).hexdigest()[:16]
    _later[key, path.name] = path
    return f"live/assets/{key}/{path.name}"


@cache
def compressed(path: Path) -> Response:
    """A file as browsers that take gzip get it, kept in memory."""
    return Response(
        gzip.compress(path.read_bytes(), LEVEL),
        media_type=MEDIA_TYPES[path.suffix],
        headers=FOREVER | {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"},
    )


async def _asset(request: Request) -> Response:
    if large := _later.get((request.path_params["key"], request.path_params["name"])):
        return await asyncio.to_thread(compressed, large)
    files = _folders.get(request.path_params["key"], {})
    found = files.get(request.path_params["name"])
    if found is None:
        return PlainTextResponse("There is no such file; reload the page.", 404)
    data, media_type = found
    return Response(data, media_type=media_type, headers=FOREVER)


asset_route = Route("/live/assets/{key}/{name}", _asset)
