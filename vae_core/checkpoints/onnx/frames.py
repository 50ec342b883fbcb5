"""What the server and its worker's process tell each other: a JSON object and bytes beside it."""

from __future__ import annotations

import json
import struct
from typing import IO, Any

_HEAD = struct.Struct("<IQ")  # bytes of JSON, bytes beside it
MAX_JSON_BYTES = 1 << 20
OUT_OF_MEMORY = 70  # exit code of a process that finds itself above its limit


def send(stream: IO[bytes], told: dict[str, Any], data: bytes | memoryview = b"") -> None:
    text = json.dumps(told).encode()
    stream.write(_HEAD.pack(len(text), len(data)))
    stream.write(text)
    stream.write(data)
    stream.flush()


def receive(stream: IO[bytes], most: int) -> tuple[dict[str, Any], bytes]:
    """The next message, of `most` bytes beside its JSON; EOFError where no such comes."""
    text_bytes, data_bytes = _HEAD.unpack(_exactly(stream, _HEAD.size))
    if text_bytes > MAX_JSON_BYTES or data_bytes > most:
        raise EOFError
    told = json.loads(_exactly(stream, text_bytes))
    if not isinstance(told, dict):
        raise EOFError
    return told, _exactly(stream, data_bytes)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError
    return data
