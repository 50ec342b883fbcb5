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
        "datasets": ["ImageDataset", "load_dataset", "dataset_names", "register_dataset"],
        "networks": ["register_network", "network_names"],
        "models": ["ModelConfig", "LatentModel", "VAE", "Autoencoder", "build_model"],
        "linear_models": ["PCA", "ProbabilisticPCA"],
        "gan": ["GAN"],
        "semi_supervised": ["M2"],
        "few_labels": ["LabelErrors", "label_errors", "label_spreading", "support_vectors"],
        "label_curves": ["label_curves", "label_task", "labels_at_random", "labels_by_clusters"],
        "clusters": ["agreement", "gaussian_mixture", "k_means"],
        "own_images": ["ImageForm", "read_images", "preview_images", "write_images"],
        "binarisation": ["binarised"],
        "objectives": ["elbo_terms", "importance_bound"],
        "objective_registry": ["objective_names", "register_objective"],
        "learners": ["Batch", "Learner"],
        "priors": ["kl_to_standard_normal"],
        "samplers": ["aggregate_draws", "fit_mixture", "held_out_density"],
        "flows": ["fit_flow"],
        "train_config": ["TrainConfig", "preset"],
        "training": ["Progress", "train"],
        "runs": ["Run", "list_runs"],
        "evaluation": ["Metrics", "evaluate"],
        "importance": ["importance_log_likelihood"],
        "quadrature": ["exact_log_likelihood", "posterior_cells"],
        "posterior_gap": ["best_gaussian", "elbo_gap"],
        "gradient_variance": ["gradient_draws"],
        "dimensions": ["traversal", "attribute_vector"],
        "anomaly": ["anomaly_scores", "auroc", "class_gaussians"],
        "corruption": ["corrupt"],
        "image_quality": ["psnr", "ssim"],
        "geometry": ["geodesic", "image_lengths", "magnification_map", "metric"],
        "feature_maps": ["FeatureMaps", "feature_maps"],
        "transposed_convolution": ["convolution_matrix"],
        "compression": ["coded", "entropy_bits", "prior_bits", "quantise"],
        "aggregate_density": ["AggregatePosterior", "fit_kernel_density", "prior_holes"],
        "elbo_surgery": ["ElboSurgery", "split_kl"],
        "code_accuracy": ["CodeAccuracy", "classify_codes"],
        "disentanglement": ["Disentanglement", "disentanglement_scores"],
        "latents": ["Latents", "encode_dataset", "pca_projection", "tsne_projection"],
        "manifold": ["manifold_grid"],
        "paths": ["interpolate"],
        "checkpoints": ["load_checkpoint", "load_latents", "list_checkpoints", "save_checkpoint"],
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
