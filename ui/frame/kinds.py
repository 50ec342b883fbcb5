"""What each kind of model is called, and in a sentence what it cannot show and what would help."""

from __future__ import annotations

from live.models import OpenModel, here_name
from ui.text.plain import plain

# Those of models of the project's own; of one from outside only what it can do is known.
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
NEAREST = "There is no decoder: the image is that of the code nearest to z."
_NOTES = {
    "pca": "Its codes are scaled to variance 1, so that N(0, I) has their mean and covariance.",
    "m2": "It tells the class apart from z, so a z alone decodes to the mean over all classes.",
}
_GIVE = "to `zscape.explore`"


def name_of(opened: OpenModel) -> str:
    """How a sentence calls the model."""
    return plain(here_name(opened.id) or opened.id)


def kind_of(opened: OpenModel) -> str:
    """What kind of model it is, in a word or two."""
    model = opened.model
    if model.config.kind in NAMES:
        return NAMES[model.config.kind]
    if not model.has_decoder:
        return "encoder" if model.has_encoder else "codes alone"
    if not model.has_encoder:
        return "decoder"
    return "encoder and decoder"


def note(opened: OpenModel) -> str:
    """What to know of a model of this kind wherever it is shown; often nothing."""
    if not opened.model.has_decoder:
        if opened.dataset is None:
            return f"There are neither images nor a decoder: give `images=` or `decode=` {_GIVE}."
        return NEAREST
    config = opened.model.config
    if config.prior == "vamp":
        return (
            f"Its prior is a mixture of {config.pseudo_inputs} Gaussians that it learned "
            "(VampPrior); samples come from there. Rings, the manifold's grid and shares of the "
            "prior are those of N(0, I)."
        )
    return _NOTES.get(config.kind, "")


def breaches(opened: OpenModel) -> str:
    """What a model from outside breaks of what pages rely on; mostly nothing."""
    told: tuple[str, ...] = getattr(opened.model, "told", ())
    return " ".join(told)


def about_means(opened: OpenModel, otherwise: str) -> str:
    """What to say under a plane of means: `otherwise`, unless the model has none to show."""
    if lacking := no_codes(opened):
        return lacking
    return otherwise if opened.model.is_variational else f"{otherwise} {NO_POSTERIOR}"


def no_codes(opened: OpenModel) -> str:
    """Why no image has a code here, and what would bring them; empty where there are codes.

    Empty, too, of a checkpoint whose codes were not stored: `latents_of` says what to do.
    """
    if opened.latents is not None:
        return ""
    if opened.model.has_encoder:
        if not here_name(opened.id):
            return ""
        return f"{name_of(opened)} has no images to encode: give `images=` {_GIVE}, too."
    if opened.model.config.kind in NAMES:
        return NO_MEANS
    return (
        f"{name_of(opened)} has no encoder: no image has a code here, so there are no points and "
        f"no reconstructions. Give `encode=`, or `codes=` of the images, {_GIVE}."
    )


def no_encoder(opened: OpenModel) -> str:
    """Why no new image can be encoded; empty where it can."""
    if opened.model.has_encoder:
        return ""
    if opened.model.config.kind in NAMES:
        return NO_MEANS
    return (
        f"{name_of(opened)} has no encoder, so no other image has a code: give `encode=` {_GIVE}."
    )


def no_decoder(opened: OpenModel) -> str:
    """Why no z has an image of its own; empty where it has."""
    if opened.model.has_decoder:
        return ""
    return f"{name_of(opened)} has no decoder, so no z has an image: give `decode=` {_GIVE}."


def no_likelihood(opened: OpenModel) -> str:
    """Why there is no p(x given z); empty where there is."""
    if opened.model.has_likelihood or opened.model.config.kind in NAMES:
        return ""
    what = "its decoder gives an image" if opened.model.has_decoder else "nothing tells"
    if opened.model.has_decoder:
        what += " of each z and no"
    return (
        f"{name_of(opened)} has no likelihood: {what} p(x|z). A model trained on the page "
        "Train live has one."
    )


def no_layers(opened: OpenModel) -> str:
    """Why its decoder's layers cannot be seen; empty where they can."""
    if opened.model.config.kind in NAMES or any(True for _ in opened.model.decoder.parameters()):
        return ""
    what = "is no network of PyTorch"
    return f"The decoder of {name_of(opened)} {what}: give an `nn.Module` {_GIVE}."
