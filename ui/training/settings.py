"""What a visitor can choose about a training, beside the presets: every field, with a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ui.frame import limits
from vae_core.data.binarisation import BINARISATIONS
from vae_core.data.datasets import dataset_names
from vae_core.models.likelihoods import likelihood_names
from vae_core.models.networks import ACTIVATIONS, network_names
from vae_core.models.priors import PRIORS
from vae_core.objectives.registry import find_objective, objective_names
from vae_core.training.config import KEPT, SCHEDULES

OWN = "own"  # the data set that a visitor brings


@dataclass(frozen=True)
class Setting:
    """A field of `TrainConfig` as the visitor sets it, and in a sentence what it does.

    key: its name in the session and the address. options or span: what it may be; neither is text.
    only: a field and its values without one of which this one has no meaning.
    """

    name: str
    key: str
    label: str
    help: str
    options: Sequence[str] = ()
    span: tuple[float, float] | None = None
    step: float | None = None
    format: str | None = None
    only: tuple[str, Sequence[str]] | None = None


def _users(name: str) -> list[str]:
    """The objectives to which a setting that several share means something."""
    return [each for each in objective_names() if name in find_objective(each).uses]


_WITH_ANY_PRIOR = [
    each
    for each in objective_names()
    if find_objective(each).kind == "vae" and each != "beta-tcvae"
]
_WITH_A_BEST = [each for each in objective_names() if each != "gan"]
COLUMNS = (
    (
        Setting(
            "dataset", "dataset", "Data set",
            "The images to learn: digits and sprites are always there, MNIST after a download; own "
            "is what you bring.",
            (*dataset_names(), OWN),
        ),
        Setting(
            "latent_dim", "d", "Latent dimensions d",
            "How many numbers stand for an image; 2 can be seen whole.",
            span=(1, limits.MAX_LATENT_DIM),
        ),
        Setting(
            "epochs", "epochs", "Epochs", "How many times every training image is seen.",
            span=(1, limits.MAX_EPOCHS),
        ),
        Setting(
            "seed", "training_seed", "Seed",
            "The same seed and settings give the very same weights again.", span=(0, 2**31 - 1),
        ),
    ),
    (
        Setting(
            "network", "train_network", "Network",
            "mlp: fully connected layers, for small images; the others convolve, which uses that "
            "neighbouring pixels belong together.",
            network_names(),
        ),
        Setting(
            "hidden", "train_hidden", "Layer widths",
            "Of the encoder, mirrored by the decoder; where it convolves its channels, then the "
            "width of one dense layer.",
        ),
        Setting(
            "activation", "train_activation", "Activation",
            "The nonlinearity between the layers.", list(ACTIVATIONS),
        ),
        Setting(
            "likelihood", "train_likelihood", "Likelihood",
            "What the decoder's image means: a probability of ink, its proper density for grey "
            "pixels, a mean with Gaussian noise of a σ that is set or learned, or the odds of each "
            "of 256 levels.",
            likelihood_names(),
        ),
    ),
    (
        Setting(
            "objective", "train_objective", "Objective",
            "What is minimised; the sentence below says what the chosen one does.",
            objective_names(),
        ),
        Setting(
            "beta", "beta", "β, weight of the KL",
            "1 is the ELBO; above, the posterior keeps closer to the prior; 0 ignores the prior.",
            span=(0.0, limits.MAX_BETA), step=0.1, format="%g", only=("objective", _users("beta")),
        ),
        Setting(
            "samples", "train_samples", "Samples L per image",
            "Draws of z, IWAE's K: more of them make the gradient less noisy, and each step "
            "slower.",
            span=(1, limits.MAX_SAMPLES), only=("objective", _users("samples")),
        ),
        Setting(
            "warm_up", "train_warm_up", "Warm-up of the KL",
            "The share of the training over which the weight of the KL rises from 0, so that no "
            "dimension gives up early.",
            span=(0.0, 1.0), step=0.1, format="%g", only=("objective", _users("warm_up")),
        ),
        Setting(
            "sigma", "train_sigma", "σ of the Gaussian",
            "The noise around the decoder's mean, where it is learned at first; smaller weighs the "
            "pixels more against the KL.",
            span=(0.01, 1.0), step=0.01, only=("likelihood", likelihood_names("sigma")),
        ),
        Setting(
            "prior", "train_prior", "Prior",
            "N(0, I), or a mixture of the posteriors of learned images, the VampPrior (Tomczak & "
            "Welling 2018), which goes where the codes are.",
            PRIORS, only=("objective", _WITH_ANY_PRIOR),
        ),
        Setting(
            "pseudo_inputs", "train_pseudo_inputs", "Pseudo-inputs K",
            "How many learned images the VampPrior has, and so how many Gaussians.",
            span=(1, limits.MAX_PSEUDO_INPUTS), only=("prior", ("vamp",)),
        ),
    ),
    (
        Setting(
            "batch_size", "train_batch", "Batch size", "Images in one step of the optimiser.",
            span=(1, limits.MAX_BATCH),
        ),
        Setting(
            "learning_rate", "train_rate", "Learning rate",
            "The size of the steps; too large and the loss is no number any more.",
            span=(1e-5, 0.1), step=1e-4, format="%.5f",
        ),
        Setting(
            "schedule", "train_schedule", "Schedule",
            "One-cycle: the rate rises for 30% of the training and then falls to almost 0.",
            SCHEDULES,
        ),
        Setting(
            "keep", "train_keep", "Keep the epoch",
            "The last, or the best: that of least loss on the held-out images, whose figures then "
            "flatter a little.",
            KEPT, only=("objective", _WITH_A_BEST),
        ),
        Setting(
            "patience", "train_patience", "Patience, epochs",
            "The training ends after so many epochs without a lower loss on the held-out images; 0 "
            "lets it come to its end.",
            span=(0, limits.MAX_EPOCHS), only=("objective", _WITH_A_BEST),
        ),
        Setting(
            "binarisation", "train_binarisation", "Binarisation",
            "Pixels drawn as 0 or 1 with their brightness as probability: anew each time an image "
            "is seen, or once; then the Bernoulli is a true likelihood.",
            BINARISATIONS,
        ),
        Setting(
            "left_out", "train_left_out", "Class left out",
            "The name of a class whose images are not learned: on the page Anomalies they are what "
            "the model has never seen. Empty leaves none out.",
        ),
    ),
)  # fmt: skip
SETTINGS = {setting.name: setting for column in COLUMNS for setting in column}
# objective -> the settings of its own, by their names
OWN_SETTINGS = {
    objective: {
        name: Setting(
            name,
            f"{objective}_{name}",
            name.replace("_", " ").capitalize(),
            own.text,
            own.choices,
            None if own.choices else own.span,
            step=own.default / 10 or 0.1 if isinstance(own.default, float) else None,
            format="%g" if isinstance(own.default, float) else None,
        )
        for name, own in find_objective(objective).settings.items()
    }
    for objective in objective_names()
}
