"""Classifiers by which the plane shows which class is told where.

    GET /live/classifier?model=mnist-2d&of=codes      logistic regression of the stored means
    GET /live/classifier?model=mnist-2d&of=images     of the pixels of their images

The first asks for it has it fitted, once for all. `packed` says how the bytes lie. Refused with a
sentence: 404 where there is no such model or no classes, 422 where no classifier can be fitted.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from live.images import shown_to, stored_images
from live.models import OpenModel, model_now
from live.visitors import is_alone, visitor_of
from vae_core.errors import CheckpointError, DataError

if TYPE_CHECKING:
    from torch import Tensor

    from vae_core.measures.codes.regions import LinearClassifier
    from vae_core.models.latent_model import LatentModel

CODES, IMAGES = "codes", "images"
MOST = {CODES: 10_000, IMAGES: 3_000}  # images that one learns from
MAX_NUMBERS = 4_000_000  # of these together
MAX_WEIGHTS = 2_000_000
MAX_LABEL = 1 << 31
# Multiply-adds: of a step of the fit, which takes some hundred; of decoding what it learns from.
MAX_STEP, MAX_DECODING = 100_000_000, 20_000_000_000
NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

_fitter = ThreadPoolExecutor(1, "classify")
_kept: WeakKeyDictionary[LatentModel, dict[tuple[str, bool], bytes]] = WeakKeyDictionary()


def packed(classifier: LinearClassifier, *, real: bool) -> bytes:
    """K, n, images, real as u32, then labels (K,) u32, weight (K, n) and bias (K,) f32.

    real: whether it learned from data, and not from what the decoder makes of their codes.
    """
    rows, columns = classifier.weight.shape
    parts: Iterable[tuple[object, str]] = (
        ([rows, columns, classifier.images, real], "<u4"),
        (classifier.labels, "<u4"),
        (classifier.weight, "<f4"),
        (classifier.bias, "<f4"),
    )
    return b"".join(np.ascontiguousarray(part, dtype).tobytes() for part, dtype in parts)


def pixels_of(opened: OpenModel, rows: Tensor) -> tuple[Tensor, bool]:
    """The pixels (m, c * h * w) in [0, 1] of rows (m,) of the stored latents; whether of data.

    Where the data are not at hand, or this visitor may not see them, what their mu decode to.
    """
    from vae_core.latent.decoded import decoded

    assert opened.latents is not None
    images = stored_images(opened, rows.tolist())
    if images is not None:
        return images.flatten(1).float().div(255), True
    return decoded(opened.model, opened.latents.mu[rows]).flatten(1), False


def fitted(opened: OpenModel, of: str) -> bytes:
    """The packed classifier of some of the stored latents; DataError where there can be none."""
    from vae_core.data.rows import draw_rows
    from vae_core.measures.codes.regions import fit_linear

    latents = opened.latents
    if latents is None or latents.labels is None or not len(latents):
        raise DataError("This model has no stored codes of images with classes.")
    if int(latents.labels.min()) < 0 or int(latents.labels.max()) >= MAX_LABEL:
        raise DataError("The classes are not numbered from 0 on.")
    kept = _kept.setdefault(opened.model, {})
    key = of, opened.own_images
    if key not in kept:
        size = latents.mu.shape[1] if of == CODES else math.prod(opened.model.image_shape)
        classes = len(latents.labels.unique())
        step = MAX_STEP // (size * classes)
        most = min(MOST[of], MAX_NUMBERS // size, step)
        if of == IMAGES:
            most = min(most, MAX_DECODING // max(1, opened.model.cost.decode))
        if classes * size > MAX_WEIGHTS or step < classes:
            raise DataError("There are too many classes to be told at every place.")
        rows = draw_rows(len(latents), most)
        x, real = (latents.mu[rows], True) if of == CODES else pixels_of(opened, rows)
        kept[key] = packed(fit_linear(x, latents.labels[rows]), real=real)
    return kept[key]


async def _classifier(request: Request) -> Response:
    of = request.query_params.get("of", "")
    if of not in MOST:
        return PlainTextResponse(f"A classifier is of {CODES} or of {IMAGES}.", 404)
    try:
        opened = await model_now(request.query_params.get("model", ""))
        if of == IMAGES:
            asks = partial(visitor_of, request.cookies)
            opened = shown_to(opened, asks, alone=is_alone(request.headers))
        made = await asyncio.get_running_loop().run_in_executor(_fitter, fitted, opened, of)
    except CheckpointError as error:
        return PlainTextResponse(str(error), 404)
    except DataError as error:
        return PlainTextResponse(str(error), 422)
    return Response(made, media_type="application/octet-stream", headers=NO_STORE)


classifier_route = Route("/live/classifier", _classifier)
