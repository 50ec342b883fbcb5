"""Weights for the engine in the browser, which then decodes without the server.

    GET /live/weights?model=mnist-2d&tag=…     `vae_core.export.packing`, as float16

The tag names the bytes by their content; verb 7 of the channel tells it. Another tag than that of
the model as it is now is answered by 404, so the bytes may be kept for good. Nothing is compressed:
of float16 weights gzip takes 7 of 100 and much longer than the packing.

No weights are given, and the tag is empty, of a model in training and of its snapshots, which have
new weights all the time, of one that the engine does not know, and of more than MAX_BYTES. Who may
see a model may have its weights.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from live.blobs import FOREVER
from live.models import OpenModel, model_now, run_token
from vae_core.errors import CheckpointError, ConfigError
from vae_core.runs.run import Run

if TYPE_CHECKING:
    from vae_core.models.latent_model import LatentModel

MAX_BYTES = 8 << 20  # of one model
KEPT_BYTES = 64 << 20  # in memory, all shipped models twice over
OF_VISITORS = FOREVER | {"Cache-Control": "private, max-age=31536000, immutable"}

log = logging.getLogger("zscape.live")
_packer = ThreadPoolExecutor(1, "pack")  # a class that comes at once waits for one packing
_tags: WeakKeyDictionary[LatentModel, str] = WeakKeyDictionary()
_kept: OrderedDict[str, bytes] = OrderedDict()  # by tag, the last used at the end


async def tag_of(opened: OpenModel) -> str:
    """What names the weights that the browser gets; empty where it gets none."""
    return await asyncio.get_running_loop().run_in_executor(_packer, _tag, opened)


async def _weights(request: Request) -> Response:
    try:
        opened = await model_now(request.query_params.get("model", ""))
    except CheckpointError as error:
        return PlainTextResponse(str(error), 404)
    tag = request.query_params.get("tag")
    if not tag or tag != await tag_of(opened):
        return PlainTextResponse("The model has no weights of this tag.", 404)
    made = await asyncio.get_running_loop().run_in_executor(_packer, _packed, opened.model)
    headers = OF_VISITORS | {"ETag": f'"{tag}"'}
    return Response(made, media_type="application/octet-stream", headers=headers)


def _tag(opened: OpenModel) -> str:
    if _changes(opened):
        return ""
    if opened.model not in _tags:
        _packed(opened.model)
    return _tags[opened.model]


def _changes(opened: OpenModel) -> bool:
    """Whether it is a model in training, or one of its snapshots."""
    if not run_token(opened.id):
        return False
    return "@" in opened.id or Run(opened.path.parent).status().active


def packed(model: LatentModel, *, encoder: bool = True) -> bytes:
    """Its bytes for the browser's engine; empty where there are none, or they are too many."""
    from vae_core.export.packing import pack, packed_size
    from vae_core.export.steps import program_of

    try:
        program = program_of(model, encoder=encoder)
        return pack(program) if packed_size(program) <= MAX_BYTES else b""
    except ConfigError as error:
        log.info("A model is decoded on the server alone: %s", error)
    except Exception:  # whatever a registered network raises of one image of zeros
        log.warning("A model is decoded on the server alone", exc_info=True)
    return b""


def _packed(model: LatentModel) -> bytes:
    """Its bytes, from memory where they are there. In one thread."""
    tag = _tags.get(model)
    if tag is not None and tag in _kept:
        _kept.move_to_end(tag)
        return _kept[tag]
    made = packed(model)
    tag = _tags[model] = hashlib.sha256(made).hexdigest()[:32] if made else ""
    _kept[tag] = made
    while sum(map(len, _kept.values())) > KEPT_BYTES:
        _kept.popitem(last=False)
    return made


weights_route = Route("/live/weights", _weights)
