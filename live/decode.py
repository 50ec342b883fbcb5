"""The channel of the latent plane: one WebSocket a plane, binary, little-endian.

    GET /live/decode?model=mnist-2d          upgraded to a WebSocket, from the app's own origin only

The server opens with one text frame of JSON:

    {"latent_dim": 2, "image_shape": [1, 28, 28], "images": 10000}

`images` counts the stored latents. After that each request is answered by one frame. Those that
ask for stored images are answered in their order, so are those that ask for the tag, and all others
among themselves: an image that must be read from disk holds up neither decoding nor the weights.

    request      u32 ticket | u8 verb | u8 0    | u16 rows | payload
    answer       u32 ticket | u8 verb | u8 real | u16 rows | payload

    verb      payload of a request, of 1 to 64 rows     payload of its answer
    1 decode  rows x d float32: z                       rows x h x w x c uint8: mean images
    2 encode  rows x h x w x c uint8: images            rows x 2 x d float32: mu, logvar of q(z|x)
    3 return  rows x d float32: z                       rows x 2 x d float32: q(z | decode(z))
    4 image   rows x u32: rows of the stored latents    rows x h x w x c uint8: their images
              (from `live.images.TRAINING` on, of the training images)
    5 maps    d float32: one z                          int8: `FeatureMaps.shares`, layer by layer
    6 mean    rows x u32: rows of the stored latents    rows x d float32: mu of q(z|x)
    7 tag     nothing, of 1 row                         ASCII: the tag of its `live.weights`

`real` is 1 where the images are data, 0 where the decoder made them: also in the place of images
that another visitor brought and does not show. `ticket` is the client's own.

Where a proxy lets no WebSocket through, GET /live/ask?model=… gives the opening JSON and POST one
frame for another; a refusal is status 400 to 500 with the reason.

A client keeps one request in flight and its newest wish beside it. The server reads ahead of its
answers by MAX_WAITING requests; who sends faster than that is closed. One address may hold
MAX_SOCKETS_EACH sockets and MAX_ASKED_EACH requests by HTTP, room for a class behind one router,
over all servers of the same runs. No frame is larger than `live.door.connections.MAX_MESSAGE`.
Codes and their meaning are in `Close`; the reason says what was wrong, and the log counts.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import struct
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from enum import IntEnum
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import numpy as np
from starlette.requests import HTTPConnection
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from live.door.connections import MAX_MESSAGE
from live.door.gate import OTHER_SITE, same_origin
from live.images import TRAINING, shown_to, stored_images
from live.models import Described, OpenModel, model_now
from live.peers import address_of
from live.servers import Counts, Full
from live.visitors import is_alone, visitor_of
from live.weights import tag_of
from live.worker import ENCODING, Array, Verb, Worker
from vae_core.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

IMAGE, MEAN, TAG = 4, 6, 7  # beside the worker's verbs, which need the model
MAX_ROWS = 64
MAX_WAITING = 32
MAX_SOCKETS = 1000
MAX_SOCKETS_EACH = 500
MAX_ASKED_EACH = 64
HEADER = struct.Struct("<IBBH")

Request = tuple[int, int, Array]  # ticket, verb, rows


Lane = asyncio.Queue[Request]

log = logging.getLogger("zscape.live")
refusals: Counter[str] = Counter()
worker = Worker()
_sockets = Counts("sockets")  # open
_asked = Counts("asked")  # requests by HTTP that are being answered


class Close(IntEnum):
    """Why the server ends a connection."""

    BAD_REQUEST = 4400
    NO_MODEL = 4404
    REPLACED = 4409
    UNUSABLE = 4422
    FLOOD = 4429
    FAILED = 4500


class Refusal(Exception):
    """Ends a connection with a code and a reason that the visitor may read."""

    def __init__(self, code: Close, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


def parse(frame: bytes, model: Described) -> Request:
    """A request's ticket, verb and rows; Refusal when it is not one that `model` can answer."""
    if len(frame) < HEADER.size:
        raise Refusal(Close.BAD_REQUEST, f"A request of {len(frame)} bytes has no whole header.")
    ticket, verb, zero, rows = HEADER.unpack_from(frame)
    if verb not in (*Verb, IMAGE, MEAN, TAG) or zero:
        raise Refusal(Close.BAD_REQUEST, f"There is no verb {verb} with the flags {zero}.")
    if verb in ENCODING and not model.has_encoder:
        raise Refusal(Close.BAD_REQUEST, "This model has no encoder, so no image has a code.")
    most = 1 if verb in (Verb.MAPS, TAG) else MAX_ROWS
    if not 1 <= rows <= most:
        raise Refusal(Close.BAD_REQUEST, f"{rows} rows were asked for; 1 to {most} are taken.")
    d, (c, h, w) = model.latent_dim, model.image_shape
    shape, dtype = {
        Verb.DECODE: ((rows, d), "<f4"),
        Verb.ENCODE: ((rows, h, w, c), "u1"),
        Verb.RETURN: ((rows, d), "<f4"),
        Verb.MAPS: ((rows, d), "<f4"),
        IMAGE: ((rows,), "<u4"),
        MEAN: ((rows,), "<u4"),
        TAG: ((rows, 0), "u1"),
    }[verb]
    expected = HEADER.size + math.prod(shape) * np.dtype(dtype).itemsize
    if len(frame) != expected:
        raise Refusal(
            Close.BAD_REQUEST,
            f"Verb {verb} with {rows} rows is {expected} bytes here; {len(frame)} came.",
        )
    # A copy: torch wants memory that it could write to.
    values = np.frombuffer(frame, dtype, offset=HEADER.size).reshape(shape).copy()
    if dtype == "<f4" and not np.isfinite(values).all():
        raise Refusal(Close.BAD_REQUEST, "z holds NaN or infinity.")
    stored = values[values < TRAINING] if verb == IMAGE else values
    if verb in (IMAGE, MEAN) and stored.max(initial=0) >= model.images:
        raise Refusal(
            Close.BAD_REQUEST,
            f"Row {stored.max()} was asked for; {model.images} images are stored.",
        )
    return ticket, verb, values


async def _channel(websocket: WebSocket) -> None:
    if not same_origin(websocket.headers.get("origin"), websocket.headers.get("host")):
        await _deny(websocket, 403, OTHER_SITE)
        return
    try:
        with _sockets.one_more(address_of(websocket), MAX_SOCKETS_EACH, MAX_SOCKETS):
            await websocket.accept()
            await _serve(websocket)
    except Full:
        await _deny(websocket, 503, "Too many visitors are connected; try again later.")
    except Refusal as refusal:
        _count(refusal.code.name, refusal.reason)
        await _close(websocket, refusal)
    except WebSocketDisconnect:
        pass  # the visitor left


async def _serve(websocket: WebSocket) -> None:
    model = (await _open(websocket.query_params.get("model", ""))).described
    await _send(websocket, {"text": json.dumps(_hello(model))})

    lanes: dict[int, Lane] = {kind: asyncio.Queue(MAX_WAITING) for kind in (0, IMAGE, TAG)}
    ends: list[Refusal | WebSocketDisconnect] = []

    async def until_an_end(part: Callable[..., Coroutine[Any, Any, None]], of: Any) -> None:
        try:
            await part(websocket, model, of)
        except (Refusal, WebSocketDisconnect) as end:
            ends.append(end)
            parts.cancel_scope.cancel()

    async with anyio.create_task_group() as parts:
        parts.start_soon(until_an_end, _read_all, lanes)
        for lane in lanes.values():
            parts.start_soon(until_an_end, _answer_all, lane)
    raise ends[0]


async def _read_all(websocket: WebSocket, model: Described, lanes: dict[int, Lane]) -> None:
    """Put each request into the lane of its verb, else into that of all others, 0."""
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        frame = message.get("bytes")
        if frame is None:
            raise Refusal(Close.BAD_REQUEST, "Requests are binary; text came.")
        request = parse(frame, model)
        lane = lanes.get(request[1], lanes[0])
        if lane.full():
            raise Refusal(Close.FLOOD, f"More than {MAX_WAITING} requests wait for their answers.")
        lane.put_nowait(request)


async def _answer_all(websocket: WebSocket, model: Described, lane: Lane) -> None:
    while True:
        await _send(websocket, {"bytes": await _answer(model, await lane.get(), websocket)})


async def _send(websocket: WebSocket, content: dict[str, str | bytes]) -> None:
    """Send a frame, unless the visitor has left, as the other lane may have found already."""
    if websocket.application_state is not WebSocketState.CONNECTED:
        raise WebSocketDisconnect(1006)
    await websocket.send({"type": "websocket.send", **content})


async def _ask(http: HttpRequest) -> Response:
    """The channel without a WebSocket, one request at a time."""
    if not same_origin(http.headers.get("origin"), http.headers.get("host")):
        _count("403", "HTTP from another site's page")
        return PlainTextResponse(OTHER_SITE, 403)
    try:
        frame = await _frame(http)  # one that never ends takes no place among those answered
        with _asked.one_more(address_of(http), MAX_ASKED_EACH):
            return await _answer_http(http, frame)
    except Full:
        refusal = Refusal(Close.FLOOD, f"{MAX_ASKED_EACH} requests wait for their answers.")
    except Refusal as refused:
        refusal = refused
    _count(refusal.code.name, refusal.reason)
    return PlainTextResponse(refusal.reason, refusal.code - 4000)


async def _frame(http: HttpRequest) -> bytes:
    frame = bytearray()
    async for chunk in http.stream():
        frame += chunk
        if len(frame) > MAX_MESSAGE:
            raise Refusal(Close.BAD_REQUEST, "The request is longer than any that is taken.")
    return bytes(frame)


async def _answer_http(http: HttpRequest, frame: bytes) -> Response:
    model = (await _open(http.query_params.get("model", ""))).described
    if http.method != "POST":
        return JSONResponse(_hello(model), headers={"Cache-Control": "no-store"})
    answer = await _answer(model, parse(frame, model), http)
    return Response(answer, media_type="application/octet-stream")


async def _open(model_id: str) -> OpenModel:
    """The model as it is now, from memory where it is there."""
    try:
        return await model_now(model_id)
    except CheckpointError as error:
        raise Refusal(Close.NO_MODEL, str(error)) from error


def _hello(model: Described) -> dict[str, Any]:
    return {
        "latent_dim": model.latent_dim,
        "image_shape": model.image_shape,
        "images": model.images,
    }


async def _answer(model: Described, request: Request, visitor: HTTPConnection) -> bytes:
    """The frame that answers a visitor's `request`; Refusal where it cannot be."""
    ticket, verb, rows = request
    opened = await _open(model.id)
    now = opened.described
    stored = verb in (IMAGE, MEAN)
    if now is not model and (now if stored else replace(now, images=model.images)) != model:
        raise Refusal(Close.REPLACED, f"{model.id!r} was replaced by another model.")
    try:
        answer, real = await _compute(opened, verb, rows, visitor)
    except CheckpointError as error:  # of a network from elsewhere
        raise Refusal(Close.UNUSABLE, str(error)) from error
    except Exception as error:  # whatever torch raises
        log.exception("Verb %d failed on %s", verb, model.id)
        raise Refusal(Close.FAILED, "The model failed; the server's log says why.") from error
    return HEADER.pack(ticket, verb, real, len(rows)) + answer.tobytes()


async def _compute(
    opened: OpenModel, verb: int, rows: Array, visitor: HTTPConnection
) -> tuple[Array, bool]:
    """The answer's rows, and whether they are real images."""
    if verb == TAG:
        return np.frombuffer((await tag_of(opened)).encode(), "u1"), False
    if verb not in (IMAGE, MEAN):
        return await worker.submit(opened, Verb(verb), rows, address_of(visitor)), False
    assert opened.latents is not None  # `parse` takes no row where none is stored
    if verb == IMAGE:
        images = await asyncio.to_thread(_images, opened, rows, visitor)
        if images is not None:
            return images.permute(0, 2, 3, 1).numpy(), True
        rows = np.where(rows < TRAINING, rows, 0)  # of training images nothing is stored
    means: Array = opened.latents.mu[rows.tolist()].numpy()
    if verb == MEAN:
        return means, False
    return await worker.submit(opened, Verb.DECODE, means, address_of(visitor)), False


def _images(opened: OpenModel, rows: Array, visitor: HTTPConnection) -> Tensor | None:
    """The images at `rows` of the stored latents, (n, c, h, w) uint8; None where none are shown."""
    shown = shown_to(opened, partial(visitor_of, visitor.cookies), alone=is_alone(visitor.headers))
    return stored_images(shown, rows.tolist())


async def _deny(websocket: WebSocket, status: int, reason: str) -> None:
    _count(str(status), reason)
    await websocket.send_denial_response(PlainTextResponse(reason, status))


async def _close(websocket: WebSocket, refusal: Refusal) -> None:
    reason = refusal.reason.encode()[:120].decode(errors="ignore")  # a close frame holds 123 bytes
    with suppress(RuntimeError, WebSocketDisconnect):  # the visitor may have closed it already
        await websocket.close(refusal.code, reason)


def _count(kind: str, reason: str) -> None:
    refusals[kind] += 1
    log.warning("refused (%s, %d so far): %s", kind, refusals[kind], reason)


decode_route = WebSocketRoute("/live/decode", _channel)
ask_route = Route("/live/ask", _ask, methods=["GET", "POST"])
