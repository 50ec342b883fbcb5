"""A small server that speaks as much of the Hugging Face Hub's protocol as its client asks for."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SHA = "0" * 40
_MODEL = re.compile(r"/api/models/([^/]+/[^/?]+)(?:/revision/[^/?]+)?(?:\?.*)?")
_FILE = re.compile(r"/([^/]+/[^/]+)/resolve/[^/]+/([^/?]+)")


class Hub:
    """repositories: OWNER/NAME -> its files; asked: each request's method and path."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.private: set[str] = set()
        self.asked: list[str] = []
        self.url = ""


@contextmanager
def serving() -> Iterator[Hub]:
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def _json(self, value: Any, status: int = 200, **headers: str) -> None:
            self._answer(status, json.dumps(value).encode(), Content_Type="application/json",
                         **headers)  # fmt: skip

        def _missing(self, code: str) -> None:
            self._json({"error": code}, 404, X_Error_Code=code)

        def do_GET(self) -> None:
            hub.asked.append(f"{self.command} {self.path}")
            if about := _MODEL.fullmatch(self.path):
                files = hub.repositories.get(about[1])
                if files is None:
                    return self._missing("RepoNotFound")
                siblings = [{"rfilename": n, "size": len(d)} for n, d in files.items()]
                return self._json({"id": about[1], "sha": SHA, "siblings": siblings, "tags": []})
            if asked := _FILE.match(self.path):
                data = hub.repositories.get(asked[1], {}).get(asked[2])
                if data is None:
                    return self._missing("EntryNotFound")
                tag = hashlib.sha1(data).hexdigest()
                return self._answer(200, data, ETag=f'"{tag}"', X_Repo_Commit=SHA)
            return self._missing("RepoNotFound")

        do_HEAD = do_GET

        def do_POST(self) -> None:
            hub.asked.append(f"{self.command} {self.path}")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path == "/api/repos/create":
                told = json.loads(body)
                name = f"{told['organization']}/{told['name']}"
                hub.repositories.setdefault(name, {})
                hub.private |= {name} if told.get("visibility") == "private" else set()
                return self._json({"url": f"{hub.url}/{name}", "id": name})
            if self.path == "/api/validate-yaml":
                return self._json({"errors": [], "warnings": []})
            name = "/".join(self.path.split("/")[3:5])
            if "/preupload/" in self.path:
                files = json.loads(body)["files"]
                return self._json({"files": [
                    {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False}
                    for f in files
                ]})  # fmt: skip
            if "/commit/" in self.path:
                for line in body.splitlines():
                    if (part := json.loads(line))["key"] == "file":
                        data = base64.b64decode(part["value"]["content"])
                        hub.repositories[name][part["value"]["path"]] = data
                url = f"{hub.url}/{name}/commit/{SHA}"
                return self._json({"commitUrl": url, "commitOid": SHA, "success": True})
            return self._missing("RepoNotFound")

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
