"""The plane in a notebook: an anywidget for JupyterLab, marimo, VS Code and Colab.

The weights travel once, and the browser's engine decodes; the kernel answers for models that the
engine does not know, and with real images.
"""

from __future__ import annotations

import json
import operator
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from live.weights import packed
from ui.components.latent_plane.description import Way, described
from ui.components.latent_plane.means import points_of_means
from ui.components.latent_plane.points import Plane
from ui.outside.notebook.given import opened
from ui.outside.notebook.kernel import Kernel
from ui.outside.standalone import (
    CONTROLS_STYLE,
    ENGINE,
    MENU_STYLE,
    PLANE_STYLE,
    bundled,
    classifiers_in_text,
)
from ui.outside.standalone.dimensions import dimensions_of
from vae_core.errors import ConfigError

MOST_POINT_BYTES = 8 << 20  # of points and their codes
MODES = ("cursor", "select", "stops")
_HERE = Path(__file__).parent
_HEIGHT = 420
_Code = tuple[float, ...]
_POINT_BYTES = 8 + 4 + 12 + 4  # see `PlanePoints.packed`


def _script() -> str:
    """The whole widget as one module."""
    style = CONTROLS_STYLE.read_text("utf-8") + (_HERE / "widget.css").read_text("utf-8")
    constants = {
        "STYLE": style,
        "PLANE_STYLE": PLANE_STYLE.read_text("utf-8"),
        "MENU_STYLE": MENU_STYLE.read_text("utf-8"),
        "ENGINE": bundled(ENGINE),
    }
    lines = [f"const {name} = {json.dumps(text)};\n" for name, text in constants.items()]
    return "".join(lines) + bundled(_HERE / "widget.js")


class LatentPlane(anywidget.AnyWidget):
    """The latent plane of a model: move z, and the decoder follows the pointer.

    model: of vae_core, or from outside as `zscape.explore` takes it, as its weights are now; or a
    checkpoint's folder or name. data: an ImageDataset, a pair (images, labels) of arrays or
    tensors, which the model encodes; stored latents; or None, which shows a checkpoint's own.
    images (n, c, h, w), or (n, h, w) of grey ones, uint8 or in [0, 1]; labels (n,) numbers or
    names, or None. dims: of a model with more than
    two dimensions, those across and up.

    z (d,): where the cursor stands. selected: rows of the data. stops (k, d): of a way. mode:
    "cursor", "select" or "stops", what the pointer does. All four can be set and observed; the
    visitor's are told when the pointer is let go. ZscapeError where something does not fit.
    """

    _esm = _script()
    _told = traitlets.Dict().tag(sync=True)
    _data = traitlets.Bytes().tag(sync=True)
    mode: traitlets.TraitType[str, str] = traitlets.TraitType(MODES[0]).tag(sync=True)
    z: traitlets.TraitType[_Code, Any] = traitlets.TraitType().tag(sync=True)
    stops: traitlets.TraitType[tuple[_Code, ...], Any] = traitlets.TraitType(()).tag(sync=True)
    selected: traitlets.TraitType[tuple[int, ...], Any] = traitlets.TraitType(()).tag(
        sync=True,
        to_json=lambda rows, plane: plane._places(rows),
        from_json=lambda places, plane: [int(plane._rows[place]) for place in places],
    )

    def __init__(self, model: Any, data: Any = None, *, dims: Sequence[int] = (0, 1)) -> None:
        self._opened, images = opened(model, data)
        self._kernel = Kernel(self._opened, images)
        self._rows = self._shown_rows()
        model = self._opened.model
        told, parts = self._described(_plane(model.latent_dim, dims))
        # Without its encoder rather than not at all: the kernel encodes.
        parts["weights"] = packed(model) or packed(model, encoder=False)
        whole = b""
        for name, part in parts.items():
            if part:
                told["layout"][name] = (len(whole), len(part))
                whole += part + bytes(-len(part) % 4)
        super().__init__(_told=told, _data=whole, z=told["description"]["z"])
        self.on_msg(self._asked)

    def _shown_rows(self) -> Any:
        """Rows of the data that are shown: all, or as many as may travel, evenly spread."""
        latents = self._opened.latents
        n = 0 if latents is None else len(latents)
        each = _POINT_BYTES + 4 * self._opened.model.latent_dim
        shown = min(n, MOST_POINT_BYTES // each)
        return np.unique(np.linspace(0, max(n - 1, 0), shown).round().astype(np.int64))

    def _described(self, plane: Plane) -> tuple[dict[str, Any], dict[str, bytes]]:
        """What the browser is told as JSON, and the bytes beside it."""
        latents, model = self._opened.latents, self._opened.model
        points = points_of_means(self._opened, plane, rows=self._rows)
        mu = np.zeros((1, model.latent_dim)) if latents is None else latents.mu.numpy()
        shown, n = len(self._rows), 0 if latents is None else len(latents)
        about = self._opened.described
        told = {
            "description": described(
                self._opened.id,
                z=mu[0].tolist(),
                plane=plane,
                points=None if points is None else points.layout,
                way=Way(np.empty((0, model.latent_dim))),
                height=_HEIGHT,
                encodes=model.has_encoder,
                classifiers=classifiers_in_text(self._opened, points),
                key=f"plane-{uuid.uuid4().hex}",
            ),
            "hello": {
                "latent_dim": model.latent_dim,
                "image_shape": model.image_shape,
                "images": about.images,
            },
            "hasImages": self._kernel.images is not None,
            "dimensions": dimensions_of(self._opened) if model.latent_dim > 2 else None,
            "note": f"{shown:,} of {n:,} points are shown, evenly spread." if shown < n else "",
            "layout": {},
        }
        if points is None:
            return told, {}
        return told, {
            "points": points.packed,
            "codes": mu[self._rows].astype("<f4").tobytes(),
            "rows": self._rows.astype("<u4").tobytes(),
        }

    def _places(self, rows: Sequence[int]) -> list[int]:
        """Among the points that are shown."""
        places: list[int] = np.searchsorted(self._rows, np.asarray(rows, np.int64)).tolist()
        return places

    def _asked(self, _widget: Any, content: dict[str, Any], buffers: list[Any]) -> None:
        told, answer = self._kernel.answer(content, buffers)
        self.send(told, [np.ascontiguousarray(answer).tobytes()])

    @traitlets.validate("z")
    def _z_fits(self, proposal: Any) -> _Code:
        (z,) = self._codes("z", [proposal["value"]])
        return z

    @traitlets.validate("stops")
    def _stops_fit(self, proposal: Any) -> tuple[_Code, ...]:
        return tuple(self._codes("a stop", proposal["value"]))

    def _codes(self, name: str, given: Any) -> list[_Code]:
        """As plain numbers; ConfigError where they are none of this model's."""
        d = self._opened.model.latent_dim
        try:
            codes = [np.asarray(_plain(code), float) for code in _plain(given)]
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{name} holds no numbers: {error}.") from error
        for code in codes:
            if code.shape != (d,):
                raise ConfigError(f"latent_dim={d}, but {name} is {code.shape}; give {d} numbers.")
            if not np.isfinite(code).all():
                raise ConfigError(f"{name} holds NaN or infinity; give finite numbers.")
        return [tuple(code.tolist()) for code in codes]

    @traitlets.validate("selected")
    def _rows_are_shown(self, proposal: Any) -> tuple[int, ...]:
        try:
            rows = sorted({int(row) for row in _plain(proposal["value"])})
        except (TypeError, ValueError) as error:
            raise ConfigError("selected is to be rows of the data, whole numbers.") from error
        unknown = np.setdiff1d(np.array(rows, np.int64), self._rows)
        if len(unknown):
            raise ConfigError(f"selected holds row {unknown[0]}, which is not shown.")
        return tuple(rows)

    @traitlets.validate("mode")
    def _mode_is_known(self, proposal: Any) -> str:
        if proposal["value"] not in MODES:
            raise ConfigError(f"mode={proposal['value']!r}; choose one of {', '.join(MODES)}.")
        return str(proposal["value"])


def _plane(latent_dim: int, dims: Sequence[int]) -> Plane:
    try:
        across, up = (operator.index(dim) for dim in dims)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"dims={dims!r}; give two whole numbers, as in (0, 1).") from error
    return Plane.of_dims(latent_dim, (across, up))


def _plain(values: Any) -> Any:
    """An array or tensor, wherever it is, as numbers in lists."""
    return values.tolist() if hasattr(values, "tolist") else values
