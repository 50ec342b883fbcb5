"""Codes and images written for real, by an entropy coder, and read back to the same bits.

`compression` tells what an ideal coder would need; here asymmetric numeral systems write it (Duda
2009; the package constriction). Quantised codes are written by the frequencies that both sides
know. Whole images go without loss by bits back (Townsend, Bird & Barber 2019): z is read from what
is written already, as if that were its posterior's code, the image is written by p(x given z), and
z by the prior. So z costs its prior's bits less its posterior's, and an image -ELBO on average; a
little more, as what is read are codes of the image before, random as far as these are the prior's.

    message = write_images(model, x)            # pixels 0 or 1, a Bernoulli likelihood
    read_images(model, message) == x            # on the same machine: both sides need one sigma
    message.bits                                # of an image, net of the random bits to begin with
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from vae_core.data.image_dataset import ImageDataset
from vae_core.data.rows import draw_rows
from vae_core.errors import ConfigError, DataError
from vae_core.latent.latents import Latents
from vae_core.latent.manifold import tile_images
from vae_core.measures.compression import entropy_bits, quantise
from vae_core.measures.registry import register_measure
from vae_core.models.latent_model import LatentModel
from vae_core.models.likelihoods import Bernoulli
from vae_core.objectives.terms import elbo_terms

MISSING = 'Codes are written by constriction, not installed here: pip install "zscape[coding]"'
STEP = 1 / 256  # of z, in prior deviations: far below any sigma that a decoder can tell
FARTHEST = 32  # prior deviations
MOST = int(FARTHEST / STEP)
# Posterior deviations within which z is read. The coder gives each value that a Gaussian may have
# 1 of 2**24 parts at least: among all of the prior's, one z in a thousand would lie anywhere.
REACH = 8
WORD = 32  # bits
STEP_OF_CODES = 0.1  # of the measure's quantiser
WRITTEN = 500  # images that the measure writes
Words = NDArray[np.uint32]


def has_constriction() -> bool:
    """Whether constriction is installed, the package of the extra `coding`."""
    return find_spec("constriction") is not None


def _constriction() -> ModuleType:
    if not has_constriction():
        raise ConfigError(f"{MISSING}.")
    import constriction

    stream: ModuleType = constriction.stream
    return stream


def write_codes(symbols: Tensor) -> Words:
    """Symbols (n, d) as words of 32 bits, each column by its frequencies, which are not counted."""
    stream = _constriction()
    coder = stream.stack.AnsCoder()
    for column in reversed(symbols.T.numpy()):
        _, ranks, counts = np.unique(column, return_inverse=True, return_counts=True)
        coder.encode_reverse(ranks.astype(np.int32), _frequencies(stream, counts))
    words: Words = coder.get_compressed()
    return words


def read_codes(words: Words, values: list[tuple[Tensor, Tensor]], n: int) -> Tensor:
    """The symbols (n, d) of `write_codes`, int64; values: of each column which and how often."""
    stream = _constriction()
    coder = stream.stack.AnsCoder(words)
    columns = [
        of_column[torch.from_numpy(coder.decode(_frequencies(stream, counts.numpy()), n)).long()]
        for of_column, counts in values
    ]
    return torch.stack(columns, dim=1)


def frequencies(symbols: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Of each column of symbols (n, d) the values that there are, and how often."""
    return [torch.unique(column, return_counts=True) for column in symbols.T]


def _frequencies(stream: ModuleType, counts: NDArray[np.int64]) -> object:
    # A single value is certain; the model wants two, of which the other never comes.
    of_two = counts if len(counts) > 1 else np.array([counts[0], 0])
    return stream.model.Categorical(of_two.astype(np.float64), perfect=False)


@dataclass(frozen=True, eq=False)
class Message:
    """`images` images of a shape that the model knows, as words; begun with `first` random ones."""

    words: Words
    images: int
    first: int

    @property
    def bits(self) -> float:
        """Of an image, without the random bits, which come back."""
        return WORD * (len(self.words) - self.first) / self.images


@torch.no_grad()
def write_images(model: LatentModel, x: Tensor, *, seed: int = 0) -> Message:
    """Images x (n, c, h, w) of pixels 0 or 1, one after another on one stack of bits.

    seed: of the random bits that the first z is read from. ConfigError where the model's figures
    are no likelihood of such images, DataError where pixels are grey or a code lies too far out.
    """
    _check_has_bits_back(model)
    if not bool(((x == 0) | (x == 1)).all()):
        raise DataError("Pixels that are neither 0 nor 1 cannot be written by a Bernoulli.")
    stream, coins = _constriction(), _constriction().model.Bernoulli(perfect=False)
    random = np.random.default_rng(seed)
    first = random.integers(1 << WORD, size=2 * model.latent_dim, dtype=np.uint32)
    coder, normal = stream.stack.AnsCoder(first, seal=True), _normal(stream)
    for image in x:
        read = [at + coder.decode(near) for at, near in _posterior(stream, model, image)]
        symbols = np.array(read, np.int32)
        pixels = image.flatten().cpu().numpy().astype(np.int32)
        coder.encode_reverse(pixels, coins, _pixels_given(model, symbols))
        coder.encode_reverse(symbols, normal, *_prior(model))
    return Message(coder.get_compressed(unseal=False), len(x), len(first))


@torch.no_grad()
def read_images(model: LatentModel, message: Message) -> Tensor:
    """The images of `write_images`, (n, c, h, w) float, the last written first off the stack.

    DataError where what is left at the end is not what was there at the beginning.
    """
    _check_has_bits_back(model)
    stream, coins = _constriction(), _constriction().model.Bernoulli(perfect=False)
    coder, normal = stream.stack.AnsCoder(message.words), _normal(stream)
    images: list[Tensor] = []
    not_ours = DataError("These bits were not written by this model on a machine like this one.")
    for _ in range(message.images):
        symbols = coder.decode(normal, *_prior(model))
        pixels = coder.decode(coins, _pixels_given(model, symbols))
        images.insert(0, torch.from_numpy(pixels).float().view(model.image_shape))
        read = zip(symbols.tolist(), _posterior(stream, model, images[0]), strict=True)
        try:
            for symbol, (at, near) in reversed(list(read)):
                coder.encode_reverse(symbol - at, near)
        except KeyError as error:  # constriction's own: further away than anything is read
            raise not_ours from error
    try:
        left = len(coder.get_compressed(unseal=True))
    except AssertionError:  # constriction's own: no whole number of words
        left = -1
    if left != message.first:
        raise not_ours
    return torch.stack(images)


def has_bits_back(model: LatentModel) -> bool:
    """Whether a model has a Bernoulli likelihood, a posterior and the prior N(0, I)."""
    return (
        model.is_variational
        and model.has_decoder
        and isinstance(getattr(model, "likelihood", None), Bernoulli)  # one from outside has none
        and model.config.prior == "normal"
    )


def _check_has_bits_back(model: LatentModel) -> None:
    if not has_bits_back(model):
        raise ConfigError(
            "Bits back need a posterior, the prior N(0, I) and a Bernoulli likelihood; this model "
            "lacks one of them."
        )


def _normal(stream: ModuleType) -> object:
    return stream.model.QuantizedGaussian(-MOST, MOST)


def _prior(model: LatentModel) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    d = model.latent_dim
    return np.zeros(d), np.full(d, 1 / STEP)


def _posterior(stream: ModuleType, model: LatentModel, image: Tensor) -> list[tuple[int, Any]]:
    """Of each z_j a place near mu_j and the Gaussian of z_j from there, in steps.

    Always of one image, so that both sides agree.
    """
    mu, logvar = (each[0].double().cpu().numpy() for each in model.encode(image[None]))
    sigma = np.exp(0.5 * logvar)
    if not (np.abs(mu).max() < FARTHEST - 1 and np.isfinite(sigma).all()):
        raise DataError(
            f"A code lies {np.abs(mu).max():.0f} prior deviations out, or is no number."
        )
    at = np.rint(mu / STEP)
    most = np.minimum(np.ceil(REACH * sigma / STEP) + 1, MOST - np.abs(at))
    return [
        (int(a), stream.model.QuantizedGaussian(-int(n), int(n), m / STEP - a, s / STEP))
        for a, n, m, s in zip(at, most, mu, sigma, strict=True)
    ]


def _pixels_given(model: LatentModel, symbols: NDArray[np.int32]) -> NDArray[np.float64]:
    z = torch.from_numpy(symbols * STEP).float()[None]
    p: NDArray[np.float64] = torch.sigmoid(model.decode_parameters(z)).flatten().double().numpy()
    return p


def black_and_white_png_bits(x: Tensor) -> float:
    """Bits of an image of pixels 0 or 1 as PNG of one bit a pixel, of x (n, c, h, w) on a sheet.

    The sheet has as many columns as rows, so that a row's own byte hardly counts.
    """
    file, across = io.BytesIO(), math.isqrt(len(x) - 1) + 1
    tall = x.flatten(1, 2)  # channels below one another
    filled = torch.cat([tall, tall.new_zeros(-len(x) % across, *tall.shape[1:])])
    sheet = tile_images(filled.unflatten(0, (-1, across)).unsqueeze(2))
    Image.fromarray(sheet).convert("1").save(file, format="PNG", optimize=True)
    return 8 * len(file.getvalue()) / len(x)


@dataclass(frozen=True)
class Lossless:
    """Bits of an image: by bits back, -ELBO, and as PNG."""

    bits: float
    elbo: float
    png: float


@torch.no_grad()
def written_without_loss(model: LatentModel, x: Tensor) -> Lossless | None:
    """Of images x (n, c, h, w); None where these or the model are not of black and white."""
    if not has_bits_back(model) or not bool(((x == 0) | (x == 1)).all()):
        return None
    elbo = elbo_terms(model, x, generator=torch.Generator().manual_seed(0), samples=10).elbo
    return Lossless(
        bits=write_images(model, x).bits,
        elbo=-float(elbo.mean()) / math.log(2),
        png=black_and_white_png_bits(x),
    )


@register_measure("coding", "Bits an image when codes and images are written by an entropy coder.")
def _measured(model: LatentModel, dataset: ImageDataset, latents: Latents) -> dict[str, float]:
    """Of codes rounded to a tenth; and without loss, of black and white images."""
    symbols = quantise(latents.mu, STEP_OF_CODES)
    found = {
        "codes estimated": float(entropy_bits(symbols).sum()),
        "codes": WORD * len(write_codes(symbols)) / len(symbols),
    }
    x = dataset.floats(draw_rows(len(dataset), min(WRITTEN, len(dataset)), 0))
    if lossless := written_without_loss(model, x):
        found |= {
            "without loss": lossless.bits,
            "ELBO": lossless.elbo,
            "PNG": lossless.png,
        }
    return found
