"""The kind "onnx": an encoder and a decoder from another program, run in a process of their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from reprlib import repr as shown
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vae_core.checkpoints.layout import DECODER, ENCODER
from vae_core.checkpoints.onnx.process import OnnxProcess
from vae_core.errors import CheckpointError, ConfigError
from vae_core.models.config import ModelConfig
from vae_core.models.cost import ImageCost
from vae_core.models.latent_model import LatentModel, wait_for_turn
from vae_core.models.likelihoods import build_likelihood

LIKELIHOODS = ("bernoulli", "gaussian")  # of which the mean alone tells the parameters
MULTIPLY_ADDS = 12.8e9  # of a core in a second
SLOWEST_LANE = 20_000_000  # at least so many an image: it is computed where it holds nobody up
CALL_SECONDS = 0.5  # that one call is to take
MOST_ROWS = 64
_EPSILON = 1e-6


@dataclass(frozen=True)
class Wiring:
    """Which outputs are what, and how codes and images are given.

    image: the decoder's output; mu, logvar: the encoder's, empty where there is none. logvar may
    be mu again, which then holds both side by side; is_sigma: it is a standard deviation.
    code_shape: of one code as the decoder takes it; black, white: values of its images.
    """

    image: str
    mu: str = ""
    logvar: str = ""
    is_sigma: bool = False
    code_shape: tuple[int, ...] = ()
    black: float = 0.0
    white: float = 1.0

    def __post_init__(self) -> None:
        names = (self.image, self.mu, self.logvar)
        sides = self.code_shape
        if not (
            all(isinstance(name, str) and len(name) < 1_000 for name in names)
            and self.image
            and (self.mu or not self.logvar)
            and isinstance(self.is_sigma, bool)
            and isinstance(sides, tuple | list)
            and 1 <= len(sides) <= 8
            and all(type(side) is int and side > 0 for side in sides)
            and all(isinstance(v, (int, float)) for v in (self.black, self.white))
            and math.isfinite(self.white - self.black)
            and self.white != self.black
        ):
            raise ConfigError(
                f"onnx={shown(asdict(self))} does not say what the files take and give; import "
                "them again."
            )
        object.__setattr__(self, "code_shape", tuple(sides))

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"code_shape": list(self.code_shape)}


class OnnxModel(LatentModel):
    """Networks that are known by what they give alone.

    There are no gradients. The image that the decoder gives is the mean of the likelihood.
    CheckpointError where the files give what they should not, or take too long: see `OnnxProcess`.
    """

    has_gradients = False
    is_elsewhere = True

    def __init__(self, config: ModelConfig, wiring: Wiring) -> None:
        if config.likelihood not in LIKELIHOODS or (
            config.likelihood == "gaussian" and config.link != "identity"
        ):
            raise ConfigError(
                f"likelihood={shown(config.likelihood)} with link={shown(config.link)} is none for "
                "the kind onnx; it is bernoulli, or gaussian with link identity."
            )
        if math.prod(wiring.code_shape) != config.latent_dim:
            raise ConfigError(
                f"latent_dim={config.latent_dim}, but the decoder takes codes of "
                f"{wiring.code_shape}; import the files again."
            )
        super().__init__(config)
        self.wiring = wiring
        self.has_encoder = bool(wiring.mu)
        self.is_variational = bool(wiring.logvar)
        self.files: dict[str, bytes] = {}
        self.process: OnnxProcess | None = None

    def _build(self) -> None:
        config = self.config
        self.likelihood = build_likelihood(config.likelihood, config.sigma, config.link)
        self.decoder = nn.Module()  # whose layers nobody knows
        self.place = nn.Parameter(torch.empty(0), requires_grad=False)  # tells device and precision

    def attach(self, files: Mapping[str, bytes]) -> OnnxModel:
        """Give it its files, by their names in a checkpoint's folder."""
        self.files, self.process = dict(files), OnnxProcess(files)
        return self

    @property
    def nbytes(self) -> int:
        """Bytes of its files."""
        return sum(map(len, self.files.values()))

    @cached_property
    def seconds(self) -> float:
        """Of a core, for one image through the slower of the two."""
        x, z = np.zeros((1, *self.image_shape)), np.zeros((1, self.latent_dim))
        slowest = 0.0
        for _ in range(2):  # the first call takes longer than all others
            slowest = self._timed(DECODER, z)
            if self.has_encoder:
                slowest = max(slowest, self._timed(ENCODER, x))
        return slowest

    def _timed(self, name: str, rows: np.ndarray) -> float:
        assert self.process is not None
        self._run(name, rows.astype(np.float32), ())
        return self.process.taken

    @cached_property
    def cost(self) -> ImageCost:
        """What one image costs it, by the time it takes."""
        work = SLOWEST_LANE + int(MULTIPLY_ADDS * self.seconds)
        return ImageCost(work * self.has_encoder, work, math.prod(self.image_shape))

    @property
    def images_at_once(self) -> int:
        return max(1, min(MOST_ROWS, int(CALL_SECONDS / max(self.seconds, 1e-6))))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (batch, c, h, w) in [0, 1] -> mu, logvar (batch, latent_dim); ConfigError without one.

        logvar is -inf where a code has no posterior.
        """
        if not self.has_encoder:
            raise ConfigError("There is no encoder.onnx, so no image has a code; import one.")
        self._check_images(x)
        codes = self._in_parts(self._encoded, self._as_weights(x))
        if self.is_variational:
            mu, logvar = codes.chunk(2, dim=1)
            return mu, logvar
        return codes, torch.full_like(codes, -math.inf)

    @torch.no_grad()
    def _in_parts(self, compute: Callable[..., Tensor], *batch: Tensor) -> Tensor:
        """In parts always; no turn is held while the other process computes."""
        at_once = 1 if len(batch[0]) == 1 else self.images_at_once
        answers = []
        for part in zip(*(each.split(at_once) for each in batch), strict=True):
            wait_for_turn()
            answers.append(compute(*part))
        return torch.cat(answers)

    def _encoded(self, x: Tensor) -> Tensor:
        """mu (batch, d), or mu and logvar side by side."""
        wiring, n = self.wiring, len(x)
        given = wiring.black + (wiring.white - wiring.black) * x.cpu().numpy()
        names = dict.fromkeys([wiring.mu, wiring.logvar])
        found = dict(
            zip(names, self._run(ENCODER, given, tuple(filter(None, names))), strict=False)
        )
        width = self.latent_dim * (2 if wiring.logvar == wiring.mu else 1)
        codes = []
        for name, values in found.items():
            if values.size != n * width:
                raise CheckpointError(
                    f"{ENCODER} gives {name[:20]!r} of {values.shape} for {n} images, and "
                    f"{width} numbers an image are expected; import the files again."
                )
            codes.append(values.reshape(n, width))
        if wiring.is_sigma:
            with np.errstate(divide="ignore", invalid="ignore"):
                codes[-1] = 2 * np.log(codes[-1])
        return self._finite(ENCODER, np.concatenate(codes, axis=1), x)

    def _parameters_of(self, z: Tensor) -> Tensor:
        wiring, n = self.wiring, len(z)
        (given,) = self._run(DECODER, z.cpu().numpy().astype(np.float32), (wiring.image,))
        images = as_images(given, self.image_shape)
        mean = self._finite(DECODER, (images - wiring.black) / (wiring.white - wiring.black), z)
        assert len(mean) == n
        return mean.logit(_EPSILON) if self.config.likelihood == "bernoulli" else mean

    def _run(self, name: str, rows: np.ndarray, outputs: tuple[str, ...]) -> list[np.ndarray]:
        if self.process is None:
            raise CheckpointError("The model's files are not at hand; load its checkpoint.")
        sides = self.process.open()[name].sides
        if name == DECODER:
            rows = rows.reshape(len(rows), *self.wiring.code_shape)
        else:
            rows = laid_out(rows, sides)
        most = 4 * len(rows) * (16 * math.prod(self.image_shape) + 16 * self.latent_dim + 1_024)
        return self.process.run(name, rows, outputs, most)

    def _finite(self, name: str, values: np.ndarray, like: Tensor) -> Tensor:
        if not np.isfinite(values).all():
            raise CheckpointError(
                f"{name} gives NaN or infinite values; such a network is of no use here."
            )
        return torch.from_numpy(np.ascontiguousarray(values, np.float32)).to(like.device)


def laid_out(x: np.ndarray, sides: tuple[int, ...]) -> np.ndarray:
    """Images (n, c, h, w) as a network of these sides, 0 for any, takes them."""
    n, c, h, w = x.shape
    for shape, given in (
        ((c, h, w), x),
        ((h, w, c), x.transpose(0, 2, 3, 1)),
        ((h, w), x[:, 0]),
        ((c * h * w,), x.reshape(n, -1)),
    ):
        fits = len(shape) == len(sides) - 1 and math.prod(shape) == c * h * w
        if fits and all(side in (0, s) for side, s in zip(sides[1:], shape, strict=True)):
            return given
    raise CheckpointError(
        f"{ENCODER} takes images of {sides[1:]}, but these are of {(c, h, w)}; give the data that "
        "it was made for."
    )


def as_images(y: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """What a decoder gives, however it lies, as (n, c, h, w); CheckpointError for another size."""
    c, h, w = shape
    own = y.shape[1:]
    if own == (h, w, c) and own != shape:
        return y.transpose(0, 3, 1, 2)
    if own in (shape, (c * h * w,)) or (c == 1 and own == (h, w)):
        return y.reshape(-1, c, h, w)
    raise CheckpointError(
        f"{DECODER} gives images of {own}, but {shape} are expected; give the data that it was "
        "made for."
    )
