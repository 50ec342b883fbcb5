"""What each kind of model is called, and in a sentence what it cannot show and why."""

from __future__ import annotations

from live.models import OpenModel

NAMES = {
    "vae": "VAE",
    "autoencoder": "plain autoencoder",
    "pca": "PCA",
    "ppca": "probabilistic PCA",
    "gan": "GAN",
    "m2": "M2, semi-supervised",
    "onnx": "ONNX model",
}
NO_MEANS = (
    "A GAN has no encoder: no image has a mean μ here, so there are no points, no ellipses and no "
    "reconstructions."
)
NO_POSTERIOR = "A code is a point here: there is no σ, so no ellipses."
_NOTES = {
    "pca": "Its codes are scaled to variance 1, so that N(0, I) has their mean and covariance.",
    "m2": "It tells the class apart from z, so a z alone decodes to the mean over all classes.",
}


def note(opened: OpenModel) -> str:
    """What to know of a model of this kind wherever it is shown; often nothing."""
    config = opened.model.config
    if config.prior == "vamp":
        return (
            f"Its prior is a mixture of {config.pseudo_inputs} Gaussians that it learned "
            "(VampPrior); samples come from there. Rings, the manifold's grid and shares of the "
            "prior are those of N(0, I)."
        )
    return _NOTES.get(config.kind, "")


def about_means(opened: OpenModel, otherwise: str) -> str:
    """What to say under a plane of means: `otherwise`, unless the model has none to show."""
    if not opened.model.has_encoder:
        return NO_MEANS
    return otherwise if opened.model.is_variational else f"{otherwise} {NO_POSTERIOR}"
