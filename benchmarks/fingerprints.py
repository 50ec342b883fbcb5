"""SHA-256 of what short trainings leave behind: every objective, network, likelihood and prior.

    python -m benchmarks.fingerprints > before.txt      # the same command after a change: diff

Two epochs on the bundled digits each, with the optimisers' state. The same on one machine whenever
a change leaves the trainings alone; other processors round otherwise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from vae_core import TrainConfig, load_dataset, network_names, objective_names, train

SMALL = TrainConfig(dataset="digits", hidden=(32, 16), epochs=2, batch_size=128)
CONV = (8, 16, 32)
CASES: tuple[dict[str, Any], ...] = (
    {"likelihood": "continuous-bernoulli"},
    {"likelihood": "gaussian"},
    {"likelihood": "learned-gaussian", "link": "identity"},
    {"likelihood": "discretised-logistic"},
    {"prior": "vamp", "pseudo_inputs": 7},
    {"binarisation": "dynamic"},
    {"binarisation": "static"},
    {"left_out": 3},
    {"schedule": "constant", "beta": 4.0, "samples": 3},
)


def configs() -> Iterator[tuple[str, TrainConfig]]:
    """What is trained, by what it varies."""
    for objective in sorted(objective_names()):
        yield f"objective={objective}", replace(SMALL, objective=objective)
    for network in sorted(network_names()):
        hidden = (8, 4) if network == "lecture-conv" else CONV
        yield (
            f"network={network}",
            replace(SMALL, network=network, hidden=SMALL.hidden if network == "mlp" else hidden),
        )
    for case in CASES:
        yield " ".join(f"{name}={value}" for name, value in case.items()), replace(SMALL, **case)


def fingerprint(config: TrainConfig) -> str:
    """Of the weights and of all that resuming needs, after the last epoch."""
    data = load_dataset(config.dataset, "train"), load_dataset(config.dataset, "test")
    for progress in train(config, train_data=data[0], test_data=data[1]):
        last = progress
    digest = hashlib.sha256()
    for name, tensor in sorted(last.state().items()):
        digest.update(name.encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    for name, config in configs():
        print(fingerprint(config), name, flush=True)
