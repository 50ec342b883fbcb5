"""What a page lays on a plane: a heat map, Gaussians, a metric, ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from live.blobs import publish
from ui.components.latent_plane.points import Array, Plane
from vae_core.errors import ConfigError


@dataclass(frozen=True)
class Heat:
    """A layer of one colour, the stronger the larger the value.

    values (rows, columns) in [0, 1], the topmost row first; extent: (left, right, bottom, top) in
    coordinates of the plane; colour: "#rrggbb"; name: of the layer.
    """

    values: Array
    extent: tuple[float, float, float, float]
    colour: str
    name: str

    def payload(self) -> dict[str, Any]:
        """Publish the picture; returns its URL, its extent and its name."""
        return {"url": publish(self._png, "image/png"), "extent": self.extent, "name": self.name}

    @cached_property
    def _png(self) -> bytes:
        from vae_core.latent.manifold import png_bytes

        pixels = np.empty((*self.values.shape, 4), np.uint8)
        pixels[..., :3] = [int(self.colour[k : k + 2], 16) for k in (1, 3, 5)]
        pixels[..., 3] = np.rint(255 * np.clip(self.values, 0, 1))
        return png_bytes(pixels)


@dataclass(frozen=True)
class Gaussian:
    """A Gaussian with a name, at 1 and 2 sigma: mean and sigma (d,), in latent space."""

    name: str
    mean: Sequence[float]
    sigma: Sequence[float]
    colour: str
    dashed: bool = False

    def payload(self, plane: Plane) -> dict[str, Any]:
        if len(self.mean) != len(plane.u) or len(self.sigma) != len(plane.u):
            raise ConfigError(
                f"{self.name} has {len(self.mean)} dimensions, but the plane lies in "
                f"{len(plane.u)}."
            )
        return {
            "name": self.name,
            "mean": plane.project(np.array([self.mean]))[0].tolist(),
            "covariance": plane.project_covariance(np.array([self.sigma]))[0].tolist(),
            "colour": self.colour,
            "dashed": self.dashed,
        }


@dataclass(frozen=True)
class Metric:
    """A metric over the plane, whose principal directions are drawn at the pointer.

    tensors (side, side, 2, 2), the topmost row first; extent as of `Heat`; unit: how long, in
    units of the plane, a stretch of 1 is drawn.
    """

    tensors: Array
    extent: tuple[float, float, float, float]
    unit: float
    colour: str

    def payload(self) -> dict[str, Any]:
        """Publish the tensors; returns their URL and how they are laid out."""
        return {
            "url": publish(self._bytes),
            "side": len(self.tensors),
            "extent": self.extent,
            "unit": self.unit,
            "colour": self.colour,
        }

    @cached_property
    def _bytes(self) -> bytes:
        three = np.stack([self.tensors[..., i, j] for i, j in ((0, 0), (0, 1), (1, 1))], axis=-1)
        return np.ascontiguousarray(three, "<f4").tobytes()


@dataclass(frozen=True)
class Trail:
    """A way from A to B that is shown and not edited: z (m, d)."""

    z: Array
    colour: str

    def payload(self, plane: Plane) -> dict[str, Any]:
        places = plane.project(np.asarray(self.z, float)).round(5).tolist()
        return {"places": places, "colour": self.colour}


@dataclass(frozen=True)
class Overlay:
    """What lies on a plane besides its points.

    heat: a map under the points. gaussians: ellipses over them. metric: its principal directions
    are drawn at the pointer. trails: ways drawn but not edited.
    """

    heat: Heat | None = None
    gaussians: Sequence[Gaussian] = ()
    metric: Metric | None = None
    trails: Sequence[Trail] = ()

    def payload(self, plane: Plane | None) -> dict[str, Any]:
        """As the browser wants it; ellipses and ways need a plane of latent space."""
        return {
            "heat": None if self.heat is None else self.heat.payload(),
            "gaussians": [] if plane is None else [g.payload(plane) for g in self.gaussians],
            "metric": None if self.metric is None else self.metric.payload(),
            "ways": [] if plane is None else [t.payload(plane) for t in self.trails],
        }
