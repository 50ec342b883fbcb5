"""PCA and probabilistic PCA: the linear models beside which the others are to be seen.

Both are the network `mlp` without hidden layers, its weights found by scikit-learn rather than by
gradient steps. Codes are scaled so that they have variance 1 over the images that were learned
from: N(0, I), from which samples and manifolds are drawn, fits their first two moments.

    U (pixels, d)  the leading eigenvectors of the images' covariance, lambda (d,) their eigenvalues
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor, nn

from vae_core.errors import ConfigError
from vae_core.models.config import ModelConfig
from vae_core.models.latent_model import LatentModel
from vae_core.models.likelihoods import LearnedGaussian
from vae_core.models.vae import VAE, Autoencoder

if TYPE_CHECKING:
    from sklearn.decomposition import PCA as Fit


# What a ModelConfig of either kind must say.
LINEAR = {"network": "mlp", "hidden": (), "likelihood": "learned-gaussian", "link": "identity"}
LEAST_SIGMA = math.exp(LearnedGaussian.MIN_LOG_SIGMA + 1e-3)  # the likelihood's own floor


class PCA(Autoencoder):
    """Principal component analysis (Pearson 1901; Hotelling 1933), an autoencoder without sigma.

        mu = lambda^-1/2 U^T (x - mean)        image = mean + U lambda^1/2 z

    The plane is scikit-learn's, its coordinates are whitened. The likelihood's sigma is the root of
    the mean squared error of a pixel. `decode` clips to [0, 1], for display; `log_likelihood` is of
    what was not clipped. Until `fit` the weights are random.
    """

    def _build(self) -> None:
        _check_linear(self.config)
        super()._build()

    def fit(self, images: Tensor, seed: int = 0) -> None:
        """Learn from images uint8 (n, c, h, w); `seed` matters where the solver draws."""
        fit = _fitted(images, self.latent_dim, seed)
        n, pixels = images.shape[0], images[0].numel()
        scale = np.sqrt(fit.explained_variance_)  # (d,)
        # A direction in which no image differs has no scale, and its code is 0.
        whiten = np.divide(1, scale, out=np.zeros_like(scale), where=scale > 1e-6)
        left_out = fit.noise_variance_ * (min(n, pixels) - self.latent_dim) * (n - 1) / n
        _set_weights(
            self,
            mean=fit.mean_,
            encode=whiten[:, None] * fit.components_,
            decode=fit.components_.T * scale,
            sigma=math.sqrt(left_out / pixels),
        )


class ProbabilisticPCA(VAE):
    """Probabilistic PCA (Tipping & Bishop 1999): the VAE whose every term has a closed form.

        p(x given z) = N(mean + W z, sigma^2 I)     W = U (lambda - sigma^2)^1/2    (their eq. 7)
        p(z given x) = N(M^-1 W^T (x - mean), sigma^2 M^-1)     M = W^T W + sigma^2 I = lambda

    sigma^2 is the mean of the eigenvalues left out (their eq. 8). The rotation that eq. 7 leaves
    free is chosen so that M is diagonal; so the posterior that `encode` gives is the true one, and
    the ELBO is log p(x). Covariances are scikit-learn's, over n - 1. `decode` clips to [0, 1], for
    display; `log_likelihood` is of what was not clipped. Until `fit` the weights are random.
    """

    def _build(self) -> None:
        _check_linear(self.config)
        super()._build()

    def fit(self, images: Tensor, seed: int = 0) -> None:
        """Learn from images uint8 (n, c, h, w); `seed` matters where the solver draws."""
        fit = _fitted(images, self.latent_dim, seed)
        n, pixels, d = len(images), images[0].numel(), self.latent_dim
        # scikit-learn's mean is over the eigenvalues that n images can have; the others are 0.
        left_out = fit.noise_variance_ * (min(n, pixels) - d) / (pixels - d)
        sigma = max(math.sqrt(left_out), LEAST_SIGMA)
        variances = np.maximum(fit.explained_variance_, sigma**2)  # the diagonal of M, (d,)
        scale = np.sqrt(variances - sigma**2)
        _set_weights(
            self,
            mean=fit.mean_,
            encode=(scale / variances)[:, None] * fit.components_,
            decode=fit.components_.T * scale,
            sigma=sigma,
            logvar=np.log(sigma**2 / variances),
        )

    @torch.no_grad()
    def log_marginal(self, x: Tensor) -> Tensor:
        """The exact log p(x) of x (batch, c, h, w), (batch,) float64, in nats.

        x is N(mean, C) with C = W W^T + sigma^2 I, inverted through the d x d matrix M.
        """
        _, decoder = _layers(self)
        w = decoder.weight.double()  # (pixels, d)
        pixels, d = w.shape
        variance = torch.exp(2 * cast(LearnedGaussian, self.likelihood).log_sigma.double())
        m = w.T @ w + variance * torch.eye(d, dtype=w.dtype, device=w.device)
        centred = x.flatten(1).double() - decoder.bias.double()  # (batch, pixels)
        onto = centred @ w  # (batch, d)
        squares = centred.square().sum(1) - (onto * torch.linalg.solve(m, onto.T).T).sum(1)
        log_det = (pixels - d) * torch.log(variance) + torch.logdet(m)
        log_p: Tensor = -0.5 * (squares / variance + log_det + pixels * math.log(2 * math.pi))
        return log_p


def _check_linear(config: ModelConfig) -> None:
    """ConfigError where the config asks for more than a linear model has."""
    if any(getattr(config, name) != value for name, value in LINEAR.items()):
        wanted = ", ".join(f"{name}={value!r}" for name, value in LINEAR.items())
        raise ConfigError(f"A model of the kind {config.kind} is linear; it wants {wanted}.")


def _layers(model: LatentModel) -> tuple[nn.Linear, nn.Linear]:
    """The encoder's and the decoder's one layer."""
    encoder, decoder = cast(nn.Sequential, model.encoder), cast(nn.Sequential, model.decoder)
    return cast(nn.Linear, encoder[1]), cast(nn.Linear, decoder[0])


def check_components(latent_dim: int, images: int, pixels: int) -> None:
    """ConfigError where so many images have not more principal components than latent_dim."""
    if latent_dim >= min(images, pixels):
        raise ConfigError(
            f"latent_dim={latent_dim}, but {images} images of {pixels} pixels have only "
            f"{min(images, pixels)} principal components; choose fewer latent dimensions than that."
        )


def _fitted(images: Tensor, d: int, seed: int) -> Fit:
    from sklearn.decomposition import PCA as Fit

    check_components(d, len(images), images[0].numel())
    rows = images.flatten(1).cpu().double().div_(255).numpy()  # (n, pixels)
    with np.errstate(invalid="ignore"):  # shares of a variance of 0, which nobody asks for
        return Fit(d, copy=False, random_state=seed).fit(rows)


@torch.no_grad()
def _set_weights(
    model: LatentModel,
    *,
    mean: np.ndarray,
    encode: np.ndarray,
    decode: np.ndarray,
    sigma: float,
    logvar: np.ndarray | None = None,
) -> None:
    """mean (pixels,); encode (d, pixels); decode (pixels, d); logvar (d,), the same for all x."""
    encoder_layer, decoder_layer = _layers(model)
    logvar = np.zeros(len(encode)) if logvar is None else logvar
    values = {
        encoder_layer.weight: np.concatenate([encode, np.zeros_like(encode)]),
        encoder_layer.bias: np.concatenate([-encode @ mean, logvar]),
        decoder_layer.weight: decode,
        decoder_layer.bias: mean,
    }
    for weight, value in values.items():
        weight.copy_(torch.from_numpy(value))
    likelihood = cast(LearnedGaussian, model.likelihood)
    likelihood.load_state_dict(LearnedGaussian(max(sigma, LEAST_SIGMA), "identity").state_dict())
