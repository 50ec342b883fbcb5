"""Zscape's library: variational autoencoders and their latent spaces, useful from a notebook alone.

Names are loaded when first asked for, so that `import vae_core` is quick and torch comes in only
when it is needed.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

if sys.version_info < (3, 11):  # noqa: UP036 — pip refuses it, but whoever runs a checkout is told
    running = ".".join(map(str, sys.version_info[:2]))
    raise ImportError(f"This is Python {running}; Zscape needs 3.11 or later.")

# module: the public names in it
_NAMES = {
    "errors": "ZscapeError DataError CheckpointError ConfigError TrainingError",
    "data.image_dataset": "ImageDataset",
    "data.datasets": "load_dataset dataset_names register_dataset",
    "data.binarisation": "binarised",
    "data.corruption": "corrupt",
    "data.own.form": "ImageForm",
    "data.own.images": "read_images preview_images write_images",
    "models.config": "ModelConfig",
    "models.latent_model": "LatentModel",
    "models.vae": "VAE Autoencoder",
    "models.linear": "PCA ProbabilisticPCA",
    "models.gan": "GAN",
    "models.m2": "M2",
    "models.kinds": "build_model",
    "models.networks": "register_network network_names",
    "models.likelihoods": "register_likelihood likelihood_names",
    "models.priors": "kl_to_standard_normal",
    "models.feature_maps": "FeatureMaps feature_maps",
    "models.transposed_convolution": "convolution_matrix",
    "adapters.adapted": "adapted",
    "adapters.checks": "check_model",
    "latent.latents": "Latents encode_dataset",
    "latent.projections": "pca_projection tsne_projection",
    "latent.umap_projection": "umap_projection",
    "latent.aggregate_posterior": "AggregatePosterior",
    "latent.samplers": "aggregate_draws fit_mixture",
    "latent.flows": "fit_flow",
    "latent.manifold": "manifold_grid",
    "latent.paths": "interpolate",
    "latent.dimensions": "traversal attribute_vector",
    "latent.geometry": "geodesic image_lengths magnification_map metric",
    "objectives.terms": "Batch elbo_terms importance_bound",
    "objectives.objective": "ByGradient Setting",
    "objectives.registry": "objective_names register_objective",
    "training.config": "TrainConfig",
    "training.presets": "preset",
    "training.learner": "Learner",
    "training.progress": "Progress",
    "training.loop": "train",
    "measures.likelihood.importance": "importance_estimates importance_log_likelihood",
    "measures.likelihood.quadrature": "exact_log_likelihood posterior_cells",
    "measures.likelihood.posterior_gap": "best_gaussian elbo_gap",
    "measures.likelihood.elbo_surgery": "ElboSurgery split_kl",
    "measures.likelihood.gradient_variance": "gradient_draws",
    "measures.codes.aggregate_density": "fit_kernel_density held_out_density prior_holes",
    "measures.codes.accuracy": "CodeAccuracy classify_codes",
    "measures.codes.disentanglement": "Disentanglement disentanglement_scores",
    "measures.codes.few_labels": "LabelErrors label_errors label_spreading support_vectors",
    "measures.codes.label_curves": "label_curves label_task labels_at_random labels_by_clusters",
    "measures.codes.clusters": "agreement gaussian_mixture k_means",
    "measures.anomaly": "anomaly_scores auroc class_gaussians",
    "measures.image_quality": "psnr ssim",
    "measures.compression": "coded entropy_bits prior_bits quantise",
    "measures.metrics": "Metrics",
    "measures.registry": "register_measure",
    "measures.evaluation": "evaluate",
    "checkpoints.reading": "load_checkpoint load_latents list_checkpoints",
    "checkpoints.writing": "save_checkpoint",
    "export.onnx": "write_onnx",
    "export.projector": "write_projector",
    "runs.data": "checkpoint_images",
    "runs.run": "Run list_runs",
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'vae_core' has no attribute {name!r}")
    return getattr(import_module(f"vae_core.{_MODULE_OF[name]}"), name)


def _version() -> str:
    """Of a checkout, its own, whatever else is installed; else that of the installed package."""
    project = Path(__file__).resolve().parents[1] / "pyproject.toml"
    if project.is_file():
        import tomllib

        with project.open("rb") as file:
            told = tomllib.load(file).get("project", {})
        if told.get("name") == "zscape":
            return str(told["version"])
    from importlib.metadata import version

    return version("zscape")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
