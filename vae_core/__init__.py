"""Zscape's library: variational autoencoders and their latent spaces, useful from a notebook alone.

Names are loaded when first asked for, so that `import vae_core` is quick and torch comes in only
when it is needed.
"""

from importlib import import_module
from typing import Any

_MODULE_OF = {
    name: module
    for module, names in {
        "errors": ["ZscapeError", "DataError", "CheckpointError", "ConfigError", "TrainingError"],
        "data.datasets": ["ImageDataset", "load_dataset", "dataset_names", "register_dataset"],
        "models.networks": ["register_network", "network_names"],
        "models.latent_model": ["ModelConfig", "LatentModel", "VAE", "Autoencoder", "build_model"],
        "models.linear": ["PCA", "ProbabilisticPCA"],
        "models.gan": ["GAN"],
        "models.m2": ["M2"],
        "measures.codes.few_labels": [
            "LabelErrors",
            "label_errors",
            "label_spreading",
            "support_vectors",
        ],
        "measures.codes.label_curves": [
            "label_curves",
            "label_task",
            "labels_at_random",
            "labels_by_clusters",
        ],
        "measures.codes.clusters": ["agreement", "gaussian_mixture", "k_means"],
        "data.own.images": ["ImageForm", "read_images", "preview_images", "write_images"],
        "data.binarisation": ["binarised"],
        "objectives.terms": ["elbo_terms", "importance_bound"],
        "objectives.registry": ["objective_names", "register_objective"],
        "training.learners": ["Batch", "Learner"],
        "models.priors": ["kl_to_standard_normal"],
        "latent.samplers": ["aggregate_draws", "fit_mixture", "held_out_density"],
        "latent.flows": ["fit_flow"],
        "training.config": ["TrainConfig", "preset"],
        "training.loop": ["Progress", "train"],
        "runs.run": ["Run", "list_runs"],
        "measures.evaluation": ["Metrics", "evaluate"],
        "measures.likelihood.importance": ["importance_log_likelihood"],
        "measures.likelihood.quadrature": ["exact_log_likelihood", "posterior_cells"],
        "measures.likelihood.posterior_gap": ["best_gaussian", "elbo_gap"],
        "measures.likelihood.gradient_variance": ["gradient_draws"],
        "latent.dimensions": ["traversal", "attribute_vector"],
        "measures.anomaly": ["anomaly_scores", "auroc", "class_gaussians"],
        "data.corruption": ["corrupt"],
        "measures.image_quality": ["psnr", "ssim"],
        "latent.geometry": ["geodesic", "image_lengths", "magnification_map", "metric"],
        "models.feature_maps": ["FeatureMaps", "feature_maps"],
        "models.transposed_convolution": ["convolution_matrix"],
        "measures.compression": ["coded", "entropy_bits", "prior_bits", "quantise"],
        "measures.codes.aggregate_density": [
            "AggregatePosterior",
            "fit_kernel_density",
            "prior_holes",
        ],
        "measures.likelihood.elbo_surgery": ["ElboSurgery", "split_kl"],
        "measures.codes.accuracy": ["CodeAccuracy", "classify_codes"],
        "measures.codes.disentanglement": ["Disentanglement", "disentanglement_scores"],
        "latent.latents": ["Latents", "encode_dataset", "pca_projection", "tsne_projection"],
        "latent.manifold": ["manifold_grid"],
        "latent.paths": ["interpolate"],
        "checkpoints.folder": [
            "load_checkpoint",
            "load_latents",
            "list_checkpoints",
            "save_checkpoint",
        ],
    }.items()
    for name in names
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'vae_core' has no attribute {name!r}")
    return getattr(import_module(f"vae_core.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
