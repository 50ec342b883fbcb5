"""The kernel's answers to the widget: as those of `live.decode`, but for one visitor."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from live.decode import HEADER, IMAGE, MEAN, Refusal, parse
from live.models import OpenModel
from live.worker import Array, Verb, computed

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger("zscape.notebook")


class Kernel:
    """A model and the images behind its codes, asked by a widget's messages."""

    def __init__(self, opened: OpenModel, images: Tensor | None) -> None:
        self.opened, self.images = opened, images

    def answer(self, asked: dict[str, Any], buffers: list[Any]) -> tuple[dict[str, Any], Array]:
        """What the browser is told, and the bytes that go with it.

        asked: {view, ticket, verb, rows}, the first two come back; buffers: the payload. Whatever
        fails is told as "error".
        """
        told = {name: asked.get(name) for name in ("view", "ticket")}
        try:
            head = HEADER.pack(0, int(asked["verb"]), 0, int(asked["rows"]))
            _, verb, rows = parse(head + bytes(buffers[0]), self.opened.described)
            answer, real = self._computed(verb, rows)
        except Refusal as refusal:
            return {**told, "error": str(refusal)}, np.empty(0)
        except Exception as error:  # whatever a model of the user's own raises
            log.exception("The widget's model failed")
            return {**told, "error": f"The model failed in the kernel: {error}"}, np.empty(0)
        return {**told, "real": real, "rows": len(rows)}, answer

    def _computed(self, verb: int, rows: Array) -> tuple[Array, bool]:
        """The answer's rows, and whether they are real images."""
        latents = self.opened.latents
        if verb not in (IMAGE, MEAN):
            return computed(self.opened.model, Verb(verb), rows), False
        assert latents is not None  # `parse` takes no row where none is stored
        if verb == IMAGE and self.images is not None:
            return self.images[rows.tolist()].permute(0, 2, 3, 1).numpy(), True
        means: Array = latents.mu[rows.tolist()].numpy()
        if verb == MEAN:
            return means, False
        return computed(self.opened.model, Verb.DECODE, means), False
