"""Two ONNX files become a model: what they take and give is found out by trying them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from vae_core.checkpoints.layout import DECODER, ENCODER, PICKLE_ENDINGS, WHY_NO_PICKLES
from vae_core.checkpoints.onnx.model import OnnxModel, Wiring, as_images, laid_out
from vae_core.checkpoints.onnx.process import Graph, OnnxProcess
from vae_core.data.image_dataset import ImageDataset
from vae_core.errors import CheckpointError, ConfigError
from vae_core.files.atomic import open_ordinary
from vae_core.models.config import MAX_ADAPTED_DIM, MAX_SIDE, MAX_SIGMA, ONNX, ModelConfig
from vae_core.models.networks import ImageShape

MAX_FILE_BYTES = 512 << 20
TRIED = 4  # images, or codes
MEASURED = 2_000  # images, by whose errors sigma is found
LEAST_SIGMA = 1e-3
SLACK = 0.05  # by which an image's values may leave black and white
USUAL_SIGMA = 0.1  # where there are no images to measure it by

_MU = ("mu", "mean", "means", "z_mean", "loc", "latent", "z", "code", "codes", "embedding")
_LOGVAR = ("logvar", "log_var", "logvariance", "log_variance", "z_log_var", "z_logvar", "logsigma2")
_SIGMA = ("sigma", "std", "scale", "stddev", "z_sigma", "z_std")
_VARIANCE = ("var", "variance", "sigma2", "z_var", "z_variance")


def read_onnx(decoder: str | Path, encoder: str | Path | None = None) -> dict[str, bytes]:
    """The files as a checkpoint names them; CheckpointError for what is none, unopened."""
    found = {}
    for name, path in ((DECODER, decoder), (ENCODER, encoder)):
        if path is None:
            continue
        path = Path(path)
        if path.suffix.lower() in PICKLE_ENDINGS:
            raise CheckpointError(
                f"{path.name} is never opened: {WHY_NO_PICKLES}; export ONNX from it."
            )
        with open_ordinary(path, CheckpointError, MAX_FILE_BYTES) as file:
            found[name] = file.read()
    return found


def onnx_model(
    files: Mapping[str, bytes],
    images: ImageDataset | None = None,
    *,
    likelihood: str | None = None,
    black: float = 0.0,
    white: float = 1.0,
) -> OnnxModel:
    """The model of decoder.onnx and, if it is there, encoder.onnx; tried on some of the images.

    images: of the kind that it learned; without, their size is the decoder's. likelihood:
    "bernoulli" or "gaussian"; by default what a file that Zscape wrote says, else gaussian, whose
    sigma is the root of the mean squared error of a pixel over the images. black, white: what the
    networks have for 0 and 1. CheckpointError where the files are not taken or do not fit, see
    `OnnxProcess`; ConfigError where a setting is out of range.
    """
    process = OnnxProcess(files)
    graphs = process.open()
    x = None if images is None else images.floats(torch.arange(min(TRIED, len(images)))).numpy()
    wiring, shape = _wiring(process, graphs, x, black, white)
    said = graphs[DECODER].metadata
    name = likelihood or ("bernoulli" if said.get("likelihood") == "bernoulli" else "gaussian")

    def made(sigma: float) -> OnnxModel:
        config = ModelConfig(
            image_shape=shape,
            latent_dim=math.prod(wiring.code_shape),
            kind=ONNX,
            network=ONNX,
            hidden=(),
            likelihood=name,
            sigma=sigma,
            link="identity" if name == "gaussian" else "sigmoid",
        )
        model = OnnxModel(config, wiring)
        model.files, model.process = dict(files), process
        return model.eval()

    model = made(USUAL_SIGMA)
    _check_answers(model, x)
    if name != "gaussian" or images is None or not model.has_encoder:
        return model
    return made(_sigma(model, images))


def _wiring(
    process: OnnxProcess,
    graphs: Mapping[str, Graph],
    x: np.ndarray | None,
    black: float,
    white: float,
) -> tuple[Wiring, ImageShape]:
    decoder = graphs[DECODER]
    mu = logvar = ""
    is_sigma = False
    code_shape = tuple(decoder.sides[1:])
    encoder = graphs.get(ENCODER)
    for name, graph, most in (
        (DECODER, decoder, MAX_ADAPTED_DIM),
        (ENCODER, encoder, 3 * MAX_SIDE**2),
    ):
        if graph is not None and math.prod(graph.sides[1:]) > most:
            raise CheckpointError(
                f"{name} takes {math.prod(graph.sides[1:]):,} numbers; {most:,} are taken at most."
            )
    if encoder is not None:
        mu, logvar, is_sigma = _posterior(encoder.outputs)
        if x is None:
            x = np.zeros((TRIED, *_given_shape(encoder)), np.float32)
        given = laid_out(black + (white - black) * x, encoder.sides)
        (codes,) = process.run(ENCODER, given.astype(np.float32), (mu,))
        own = codes.shape[1:]
        if 0 in code_shape or not code_shape:
            code_shape = own
        if math.prod(own) == 2 * math.prod(code_shape) and not logvar:
            logvar = mu  # side by side
        elif math.prod(own) != math.prod(code_shape):
            raise CheckpointError(
                f"{ENCODER} gives {mu[:20]!r} of {own}, and {DECODER} takes codes of {code_shape}; "
                "give a pair that belongs together."
            )
    if 0 in code_shape:
        raise CheckpointError(
            f"{DECODER} takes codes of any size {decoder.sides[1:]}; export it with the latent "
            "dimensions fixed, or give its encoder."
        )
    image = decoder.outputs[0]
    wiring = Wiring(image, mu, logvar, is_sigma, code_shape, black, white)
    (given,) = process.run(DECODER, np.zeros((TRIED, *code_shape), np.float32), (image,))
    if x is None:
        return wiring, _shape_of(given.shape[1:])
    shape = tuple(x.shape[1:])
    as_images(given, shape)
    return wiring, shape


def _posterior(outputs: tuple[str, ...]) -> tuple[str, str, bool]:
    """What of an encoder's outputs is mu, and what logvar, or a standard deviation."""
    by_name = {name.lower().rsplit("/", 1)[-1].split(":")[0]: name for name in reversed(outputs)}
    if variance := next((by_name[n] for n in _VARIANCE if n in by_name), ""):
        raise CheckpointError(
            f"{ENCODER} gives {variance[:40]!r}, a variance; let it give its logarithm as logvar, "
            "or its root as sigma."
        )
    mu = next((by_name[n] for n in _MU[:5] if n in by_name), "")
    mu = mu or next((by_name[n] for n in _MU if n in by_name), outputs[0])
    for names, is_sigma in ((_LOGVAR, False), (_SIGMA, True)):
        if spread := next((by_name[n] for n in names if n in by_name), ""):
            return mu, spread, is_sigma
    others = [name for name in outputs if name != mu]
    return mu, others[0] if len(outputs) == 2 else "", False


def _given_shape(encoder: Graph) -> ImageShape:
    """(c, h, w) of the images that an encoder says it takes."""
    if 0 in encoder.sides[1:]:
        raise CheckpointError(
            f"{ENCODER} takes images of any size; give images that it was made for."
        )
    return _shape_of(encoder.sides[1:])


def _shape_of(sides: tuple[int, ...]) -> ImageShape:
    match sides:
        case (1 | 3 as c, h, w):
            return c, h, w
        case (h, w, 1 | 3 as c):
            return c, h, w
        case (h, w):
            return 1, h, w
    raise CheckpointError(
        f"The networks have images of {sides}, which do not tell channels, height and width; "
        "import them with the data that they were made for."
    )


def _check_answers(model: OnnxModel, x: np.ndarray | None) -> None:
    """CheckpointError where the networks draw lots, mind their neighbours, or leave the range."""
    wiring = model.wiring
    codes = np.random.default_rng(0).standard_normal((TRIED, model.latent_dim)).astype(np.float32)
    if x is not None and model.has_encoder:
        mu, logvar = model.encode(torch.from_numpy(x))
        _check_repeats(ENCODER, torch.stack([mu, logvar], 1), [
            torch.stack(model.encode(torch.from_numpy(part)), 1) for part in np.split(x, len(x))
        ])  # fmt: skip
        codes = mu.numpy()
    z = torch.from_numpy(codes)
    means = model._parameters_of(z)
    if model.config.likelihood == "bernoulli":
        means = means.sigmoid()
    _check_repeats(DECODER, model.decode(z), [model.decode(part) for part in z.split(1)])
    low, high = sorted((wiring.black, wiring.white))
    values = wiring.black + (wiring.white - wiring.black) * means
    least, most = float(values.min()), float(values.max())
    room = SLACK * (high - low)
    if least < low - 4 * room or most > high + 4 * room:
        raise CheckpointError(
            f"{DECODER} gives values from {least:.3g} to {most:.3g}, and its images are to go from "
            f"{wiring.black:g} to {wiring.white:g}; `zscape import` takes them as they are, by "
            "--range BLACK WHITE such as -1 1, or export it with the sigmoid that belongs to it."
        )


def _check_repeats(name: str, together: torch.Tensor, alone: list[torch.Tensor]) -> None:
    again = torch.cat(alone)
    if not torch.allclose(together, again, rtol=1e-2, atol=1e-3):
        raise CheckpointError(
            f"{name} gives another answer for the same input: it samples, or an image depends on "
            "those beside it; export the mean, in evaluation mode."
        )


def _sigma(model: OnnxModel, images: ImageDataset) -> float:
    """The root of the mean squared error of a pixel: the sigma of the greatest likelihood."""
    squares = count = 0.0
    for rows in torch.arange(min(MEASURED, len(images))).split(100):
        x = images.floats(rows)
        mean = model.decode_parameters(model.encode(x)[0])
        squares += float((x - mean).square().sum())
        count += x.numel()
    return min(MAX_SIGMA, max(LEAST_SIGMA, math.sqrt(squares / count)))


def check_range(black: float, white: float) -> None:
    """ConfigError where black and white are no two numbers."""
    if not math.isfinite(white - black) or white == black:
        raise ConfigError(f"--range {black:g} {white:g} is no two different numbers.")
