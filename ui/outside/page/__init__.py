"""A model as one HTML file that anyone can open: the plane, the engine and the data in it.

The file asks no network for anything, and its own Content-Security-Policy says so to the browser:
one script runs, named by its hash, so that no text from a checkpoint can ever be another.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

import vae_core
from live.images import stored_images
from live.models import OpenModel
from ui.components.latent_plane.description import Way, described
from ui.components.latent_plane.means import points_of_means
from ui.components.latent_plane.points import Array, Plane, PlanePoints
from ui.outside.standalone import (
    CONTROLS_STYLE,
    ENGINE,
    MENU_STYLE,
    PLANE_STYLE,
    SAVING,
    bundled,
    classifiers_in_text,
)
from ui.outside.standalone.dimensions import dimensions_of
from vae_core.errors import ConfigError
from vae_core.latent.animation import FRAME_MS

if TYPE_CHECKING:
    from vae_core.export.rounding import Small
    from vae_core.models.latent_model import LatentModel

__all__ = ["THUMBNAILS", "Card", "html_page", "most_thumbnails", "usual_thumbnails"]

THUMBNAILS, THUMBNAIL_BYTES = 300, 1 << 20  # of test images, unless more or fewer are asked for
MAX_WEIGHTS = 64_000_000
MOST_THUMBNAIL_BYTES = 16 << 20  # of a page that a server writes: it is in memory until it is saved
FINE_BYTES = 512 << 10  # of weights: so many may be float16
LOOKED_AT = 1024  # test images, by how far off their codes are
STOPS = 8
_kept: WeakKeyDictionary[LatentModel, dict[bool, tuple[bytes, Small]]] = WeakKeyDictionary()
_HERE = Path(__file__).parent
_APP = _HERE.parents[2]
_GRID_STYLE = _HERE.parents[1] / "components" / "image_grid" / "assets" / "grid.css"
_STYLES = {"plane": PLANE_STYLE, "grid": _GRID_STYLE, "menu": MENU_STYLE}


@dataclass(frozen=True)
class Card:
    """What is told of a model beside the plane, as plain text.

    about: what it is, in a line; figures: each by its name; note: what to know of it, if anything.
    """

    name: str
    about: str
    figures: Sequence[tuple[str, str]]
    note: str = ""


def html_page(
    opened: OpenModel, card: Card, *, encoder: bool = False, thumbnails: int | None = None
) -> bytes:
    """The file. encoder: with the drawing pad and the trust fog.

    thumbnails: so many test images go along at most, else `usual_thumbnails`; images of points that
    have none are decoded from their means. ConfigError where the engine does not know the model,
    and why, or the model is too large.
    """
    weights, found = weights_of(opened, encoder=encoder)
    _check_finite(opened)
    plane = _plane(opened)
    points = points_of_means(opened, plane)
    parts = {
        "engine": bundled(ENGINE).encode(),
        "weights": weights,
        "saving": bundled(SAVING).encode(),
        **_points(opened, points),
        **_thumbnails(opened, usual_thumbnails(opened) if thumbnails is None else thumbnails),
    }
    layout, data = _laid_out(parts)
    encodes = encoder and opened.model.has_encoder
    told = {
        "layout": layout,
        "count": 0 if points is None else len(points.xy),
        "size": math.prod(opened.model.image_shape),
        "styles": {
            "plane": _text(PLANE_STYLE),
            "grid": _text(_GRID_STYLE),
            "menu": _text(MENU_STYLE),
        },
        "description": _description(opened, plane, points, encodes=encodes),
        "dimensions": dimensions_of(opened),
        "classes": _class_means(opened, points),
        "way": _way(opened).payload(),
        "frameMs": FRAME_MS,
    }
    script = bundled(_HERE / "page.js")
    page = {
        "digest": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "name": escape(card.name),
        "about": escape(card.about),
        "style": _theme() + _text(CONTROLS_STYLE) + _text(_HERE / "page.css"),
        "figures": "\n".join(
            f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in card.figures
        ),
        "note": escape(card.note),
        "caption": escape(_caption(parts, points, plane)),
        "source": escape(_source(card, found, encodes=encodes)),
        "told": _json(told),
        "data": _as_text(data),
        "script": script,
    }
    return _sized(Template(_text(_HERE / "page.html")), page)


def _json(value: Mapping[str, Any]) -> str:
    """As JSON in which no text ends the element that it is in: a < may be written otherwise."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", r"\u003c")


def _check_finite(opened: OpenModel) -> None:
    latents = opened.latents
    figures = [] if latents is None else [latents.mu, latents.reconstruction]
    if not all(bool(each.isfinite().all()) for each in figures):
        raise ConfigError("The stored latents hold NaN or infinite values; train the model anew.")


def _sized(template: Template, page: Mapping[str, str]) -> bytes:
    """The page, which says its own size."""
    size, said = 0, -1
    while size != said:
        said = size
        whole = template.substitute(page, bytes=f"{said:,}").encode()
        size = len(whole)
    return whole


def weights_of(opened: OpenModel, *, encoder: bool) -> tuple[bytes, Small]:
    """The packed model, once for each, and what its small weights were seen to cost."""
    kept = _kept.setdefault(opened.model, {})
    if encoder not in kept:
        kept[encoder] = _weights(opened, encoder)
    return kept[encoder]


def _weights(opened: OpenModel, encoder: bool) -> tuple[bytes, Small]:
    import torch

    from vae_core.export.packing import pack, packed_size
    from vae_core.export.rounding import small
    from vae_core.export.steps import program_of

    program = program_of(opened.model, encoder=encoder)
    count = sum(each.numel() for each in program.tensors)
    if count > MAX_WEIGHTS:
        raise ConfigError(f"It has {count:,} weights; a page takes {MAX_WEIGHTS:,} at most.")
    latents, images = opened.latents, None
    if latents is not None and program.encoder is not None:
        rows = torch.linspace(0, len(latents) - 1, min(LOOKED_AT, len(latents))).long()
        images = stored_images(opened, rows.tolist())
    integers = packed_size(program) > FINE_BYTES
    found = small(program, None if latents is None else latents.mu, images, integers=integers)
    return pack(program, "float16", found.rounded), found


def _plane(opened: OpenModel) -> Plane:
    """Both dimensions of a model with two, the two main axes of mu of one with more."""
    from vae_core.latent.projections import pca_projection

    if opened.model.latent_dim <= 2 or opened.latents is None:
        return Plane.of_dims(opened.model.latent_dim)
    centre, axes, _ = pca_projection(opened.latents.mu)
    return Plane.of_axes(axes.numpy(), centre.numpy())


def _points(opened: OpenModel, points: PlanePoints | None) -> dict[str, bytes]:
    """The points' columns, and the mean behind each."""
    if points is None or opened.latents is None:
        return {}
    covariance = None if points.covariance is None else _short(points.covariance)
    value = None if points.value is None else _short(points.value)
    short = replace(points, xy=_short(points.xy), covariance=covariance, value=value)
    mu = opened.latents.mu.numpy()
    codes = {} if mu.shape[1] == 2 else {"codes": _short(mu).tobytes()}  # else they are xy
    return {"points": short.packed, **codes}


def _short(values: Array) -> Array:
    """As float32 that are right to 1 in 8,000, and so compress well."""
    words = np.ascontiguousarray(values, "<f4").view("<u4")
    rounded: Array = ((words + 0x400) & 0xFFFFF800).view("<f4")
    return rounded


def usual_thumbnails(opened: OpenModel) -> int:
    """How many test images go along unless it is said."""
    return min(THUMBNAILS, _images_in(THUMBNAIL_BYTES, opened))


def most_thumbnails(opened: OpenModel) -> int:
    """How many test images may go along where others have their pages written, too."""
    return _images_in(MOST_THUMBNAIL_BYTES, opened)


def _images_in(size: int, opened: OpenModel) -> int:
    n = 0 if opened.latents is None else len(opened.latents)
    return min(size // math.prod(opened.model.image_shape), n)


def _thumbnails(opened: OpenModel, most: int) -> dict[str, bytes]:
    """Real images of so many points, spread over all of them; none where they are not at hand."""
    n = 0 if opened.latents is None else len(opened.latents)
    rows = np.unique(np.linspace(0, n - 1, min(most, n)).round().astype("<u4"))
    images = stored_images(opened, rows.tolist()) if len(rows) else None
    if images is None:
        return {}
    return {"rows": rows.tobytes(), "images": images.permute(0, 2, 3, 1).numpy().tobytes()}


def _laid_out(parts: Mapping[str, bytes]) -> tuple[dict[str, tuple[int, int]], bytes]:
    """Where each part begins and how long it is, and all of them compressed."""
    layout, whole = {}, b""
    for name, part in parts.items():
        layout[name] = (len(whole), len(part))
        whole += part
    return layout, gzip.compress(whole, mtime=0)


def _as_text(data: bytes) -> str:
    """In base 85, a sixteenth shorter than base 64, without letters that mean something in HTML."""
    return base64.b85encode(data).decode().replace("<", ".").replace("&", ",")


def _description(
    opened: OpenModel, plane: Plane, points: PlanePoints | None, *, encodes: bool
) -> dict[str, Any]:
    latents, drawn = opened.latents, opened.config.get("dataset") == "mnist"
    z = [0.0] * opened.model.latent_dim if latents is None else latents.mu[0].tolist()
    preparation = "mnist" if drawn else "fit"
    return described(
        opened.id,
        z=[round(x, 3) for x in z],
        plane=plane,
        points=None if points is None else points.layout,
        draw=preparation if encodes else None,  # type: ignore[arg-type]
        height=400,
        encodes=encodes,
        classifiers=classifiers_in_text(opened, points),
    )


def _class_means(opened: OpenModel, points: PlanePoints | None) -> list[list[float]] | None:
    """The mean code of each class that the legend names."""
    if points is None or points.category is None or opened.latents is None:
        return None
    mu = opened.latents.mu.numpy()
    of_class = [mu[points.category == k] for k in range(len(points.names))]
    return [(each if len(each) else mu).mean(0).round(4).tolist() for each in of_class]


def _way(opened: OpenModel) -> Way:
    """From the first test image to the next of another class, where there are such."""
    d, latents = opened.model.latent_dim, opened.latents
    stops = np.stack([np.full(d, -1.0), np.full(d, 1.0)])
    if latents is not None and len(latents) > 1:
        other = 1
        if latents.labels is not None and bool((latents.labels != latents.labels[0]).any()):
            other = int((latents.labels != latents.labels[0]).int().argmax())
        stops = latents.mu[[0, other]].numpy()
    return Way(stops, most=STOPS)


def _caption(parts: Mapping[str, bytes], points: PlanePoints | None, plane: Plane) -> str:
    """What the plane is, and where the images of points come from."""
    if points is None:
        return ""
    real, n = len(parts.get("rows", b"")) // 4, len(points.xy)
    if real == n:
        images = "Images of points are the real ones."
    elif real:
        images = f"Images of {real:,} of {n:,} points are the real ones; others are decoded from μ."
    else:
        images = (
            "The data set is not in this file: images of points are decoded from their means μ."
        )
    main = "The plane lies along the two main axes of μ (PCA). " if len(plane.u) > 2 else ""
    return main + images


def _source(card: Card, found: Small, *, encodes: bool) -> str:
    what = "Decoder and encoder are" if encodes else "The decoder is"
    coding = "int8" if found.rounded else "float16"
    code = "" if found.sigmas is None else f", a mean μ at most {max(found.sigmas, 0.01):.2f} σ"
    return (
        f"{card.name}, saved by Zscape {vae_core.__version__} on {date.today():%d %B %Y}. {what} "
        f"in this file, weights as {coding}: of {found.images:,} images that were looked at, a "
        f"pixel is at most {max(math.ceil(found.levels), 1)} of 255 grey levels off{code}."
    )


def _theme() -> str:
    """The app's colours, light and dark, as variables."""
    theme = tomllib.loads(_text(_APP / ".streamlit" / "config.toml"))["theme"]

    def variables(name: str) -> str:
        colours = {key: value for key, value in theme[name].items() if isinstance(value, str)}
        named = {
            "".join(f"-{c.lower()}" if c.isupper() else c for c in k): v for k, v in colours.items()
        }
        return "".join(f"  --st-{key}: {value};\n" for key, value in named.items())

    return (
        f":root {{\n  color-scheme: light;\n{variables('light')}}}\n"
        "@media (prefers-color-scheme: dark) {\n:root:not([data-theme=light]) {\n"
        f"  color-scheme: dark;\n{variables('dark')}}}\n}}\n"
        f":root[data-theme=dark] {{\n  color-scheme: dark;\n{variables('dark')}}}\n"
    )


def _text(path: Path) -> str:
    return path.read_text("utf-8")
