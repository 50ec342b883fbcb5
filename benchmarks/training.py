"""How fast training is, how soon it is good, and what the page and training cost each other.

    python -m benchmarks.training                               # all parts, some minutes
    python -m benchmarks.training --parts speed --json training.json

speed    images a second of the 784-400-20 VAE (batch 128, Adam 1e-3) on one thread, by turns and
         medians: `train`, a run with all that its folder gets, a bare loop and the standard recipe
         (per-image transforms in a DataLoader, default Adam), both written out below. Each
         evaluates the test images after an epoch. A core second is one in which the program had a
         core, so that other programs disturb it less.
quality  test cross-entropy + KL of that VAE after 10 epochs, and the seconds that a preset takes to
         150 and to 145 nats
page     images a second of a run while its page is open and drawing, and while it is not; the
         latency of another visitor's pointer while a run trains, and while it is paused; by turns

The data are MNIST's, read as $ZSCAPE_DATA says.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from benchmarks.served import chromium, server, under_load
from vae_core.data.datasets import load_dataset, register_dataset
from vae_core.data.image_dataset import ImageDataset
from vae_core.data.torchvision_import import import_torchvision
from vae_core.runs.jobs import start
from vae_core.runs.run import Run, create_run
from vae_core.runs.trainer import work
from vae_core.training.loop import train
from vae_core.training.presets import preset

RECIPE = replace(preset("pytorch-example"), epochs=1)
QUICK_PRESET = "mnist-2d-quick"
GOALS = {150.0: 40.0, 145.0: 75.0}  # nats: seconds of one core
PART = 12_800, 2_048  # images of MNIST's training and test set that one round of `speed` takes


class Example(nn.Module):
    """The model of pytorch/examples, vae/main.py: 784-400-20."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc3, self.fc4 = nn.Linear(784, 400), nn.Linear(20, 400), nn.Linear(400, 784)
        self.fc21, self.fc22 = nn.Linear(400, 20), nn.Linear(400, 20)

    def forward(self, x: Tensor) -> Tensor:
        """x (batch, 784) in [0, 1] -> minus the ELBO, a mean in nats."""
        h = functional.relu(self.fc1(x))
        mu, logvar = self.fc21(h), self.fc22(h)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        logits = self.fc4(functional.relu(self.fc3(z)))
        bce = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum()
        return (bce + kl) / len(x)


def bare_loop(images: Tensor, test_images: Tensor) -> None:
    """As fast as plain PyTorch goes: images in memory, fused Adam, nothing looked at."""
    model = Example()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    order = torch.randperm(len(images))
    for batch in order.split(RECIPE.batch_size):
        loss = model(images[batch].flatten(1).float() / 255)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        for x in test_images.split(RECIPE.batch_size):
            model(x.flatten(1).float() / 255)


class PerImage(Dataset[Tensor]):
    """As torchvision's MNIST gives images: one at a time, each through a transform."""

    def __init__(self, images: Tensor) -> None:
        import_torchvision()
        from torchvision.transforms.functional import to_pil_image, to_tensor

        self.images = images
        self.transform: Callable[[Tensor], Tensor] = lambda x: to_tensor(to_pil_image(x))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.transform(self.images[index])


def standard_recipe(images: Tensor, test_images: Tensor) -> None:
    """One epoch of pytorch/examples, vae/main.py, and its test."""
    model = Example()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for x in DataLoader(PerImage(images), batch_size=RECIPE.batch_size, shuffle=True):
        optimizer.zero_grad()
        loss = model(x.view(-1, 784))
        loss.backward()
        loss.item()
        optimizer.step()
    with torch.no_grad():
        for x in DataLoader(PerImage(test_images), batch_size=RECIPE.batch_size):
            model(x.view(-1, 784)).item()


def speeds(rounds: int) -> dict[str, dict[str, Any]]:
    """Images a second of each way to train, by turns, and of ours over each of the others."""
    splits = dict(zip(("train", "test"), PART, strict=True))

    @register_dataset("mnist-part")
    def load(split: str, root: Path) -> ImageDataset:
        whole = load_dataset("mnist", split, root)
        return ImageDataset("mnist-part", split, whole.images[: splits[split]])

    images, test_images = (load_dataset("mnist-part", split).images for split in splits)
    part = replace(RECIPE, dataset="mnist-part")

    def ours(device: str) -> None:
        for _ in train(replace(part, device=device)):
            pass

    ways: dict[str, Callable[[], None]] = {
        "train": lambda: ours("cpu"),
        "bare loop": lambda: bare_loop(images, test_images),
        "standard recipe": lambda: standard_recipe(images, test_images),
    }
    if torch.cuda.is_available():
        ways["train, on the GPU"] = lambda: ours("cuda")
    torch.set_num_threads(1)
    clocks = {"images_per_second": time.perf_counter, "images_per_core_second": time.process_time}
    took: dict[str, list[list[float]]] = {name: [] for name in ways}  # by round, on each clock
    in_a_run = []
    for turn in range(rounds + 1):
        for name, way in ways.items():
            before = [clock() for clock in clocks.values()]
            way()
            if turn:  # the first is to warm up
                after = [clock() for clock in clocks.values()]
                took[name].append([b - a for a, b in zip(before, after, strict=True)])
        with tempfile.TemporaryDirectory() as folder:
            run = create_run(replace(part, epochs=4), Path(folder) / "run")
            work(run)
            in_a_run.append(run.events()[-1]["images_per_second"])
    table: dict[str, dict[str, Any]] = {}
    for name, theirs in took.items():
        table[name] = {}
        for k, counted in enumerate(clocks):
            ratios = [a[k] / b[k] for a, b in zip(theirs, took["train"], strict=True)]
            table[name][counted] = len(images) / statistics.median(one[k] for one in theirs)
            table[name][f"train_over_it_by_{counted}"] = statistics.median(ratios)
        table[name]["seconds_by_round"] = [one[0] for one in theirs]
    table["train, in a run"] = {"images_per_second": statistics.median(in_a_run[1:])}
    return table


def quality() -> dict[str, Any]:
    """Nats on the test images by epoch, and the seconds to each goal."""
    *_, last = train(preset("pytorch-example"))
    assert last.test is not None
    begun, begun_core = time.perf_counter(), time.process_time()
    curve = [
        {
            "seconds": time.perf_counter() - begun,
            "core_seconds": time.process_time() - begun_core,
            "nats": progress.test.loss,
        }
        for progress in train(preset(QUICK_PRESET))
        if progress.epoch_ended and progress.test is not None
    ]
    return {
        "pytorch-example after 10 epochs": {"nats": last.test.loss},
        "curve": curve,
        **{
            f"{QUICK_PRESET} to {goal:g} nats": next(
                (point for point in curve if point["nats"] <= goal), {"nats": curve[-1]["nats"]}
            )
            for goal in GOALS
        },
    }


def page(root: Path, rounds: int, seconds: float) -> dict[str, Any]:
    """What the page of a run in `root` costs it, and what it costs another visitor's pointer."""
    from playwright.sync_api import sync_playwright

    os.environ["ZSCAPE_RUNS"] = str(root)
    run = start(replace(RECIPE, epochs=10_000), root)
    closed, opened, pausing, training = [], [], [], []
    try:
        with server() as (url, pid), sync_playwright() as playwright:
            browser = chromium(playwright)
            until(lambda: len(run.events()) > 8)
            for _ in range(rounds):
                closed.append(images_per_second(run, seconds))
                tab = browser.new_page(viewport={"width": 1400, "height": 900})
                tab.goto(f"{url}/train?run={run.token}")
                tab.get_by_test_id("latent-plane").wait_for(timeout=60_000)
                tab.wait_for_timeout(3_000)  # its first drawing is not what is measured
                opened.append(images_per_second(run, seconds))
                tab.close()
            options = ["--seconds", str(seconds)]
            for _ in range(rounds):
                training.append(under_load("benchmarks.pointer", url, pid, 1, *options))
                run.request_pause()
                until(lambda: run.status().state == "paused")
                pausing.append(under_load("benchmarks.pointer", url, pid, 1, *options))
                run.request_continue()
                until(lambda: run.status().state == "running")
            browser.close()
    finally:
        run.request_stop()
        until(lambda: not run.status().active)
    pairs = zip(opened, closed, strict=True)
    slower = zip(training, pausing, strict=True)
    return {
        "training, page closed": {"images_per_second": statistics.median(closed)},
        "training, page open": {
            "images_per_second": statistics.median(opened),
            "of_closed": statistics.median(a / b for a, b in pairs),
        },
        "pointer, run paused": {"p95_ms": statistics.median(p["p95_ms"] for p in pausing)},
        "pointer, run training": {
            "p95_ms": statistics.median(p["p95_ms"] for p in training),
            "of_paused": statistics.median(a["p95_ms"] / b["p95_ms"] for a, b in slower),
        },
    }


def images_per_second(run: Run, seconds: float) -> float:
    """Of a run that trains, over `seconds` from now, all that holds it up included."""
    first = run.events()[-1]
    time.sleep(seconds)
    last = run.events()[-1]
    epoch = len(load_dataset(RECIPE.dataset, "train"))
    steps_an_epoch = last["total_steps"] / run.config().epochs
    steps = last["step"] - first["step"]
    return float(steps / steps_an_epoch * epoch / (last["time"] - first["time"]))


def until(condition: Callable[[], Any]) -> None:
    while not condition():
        time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parts = ("speed", "quality", "page")
    parser.add_argument("--parts", nargs="*", choices=parts, default=parts)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each round of page")
    parser.add_argument("--json", type=Path, help="write the figures there")
    args = parser.parse_args()
    load_before = os.getloadavg()[0]
    figures: dict[str, dict[str, Any]] = {}
    if "speed" in args.parts:
        figures["speed"] = speeds(args.rounds)
    if "quality" in args.parts:
        figures["quality"] = quality()
    if "page" in args.parts:
        with tempfile.TemporaryDirectory() as root:
            figures["page"] = page(Path(root), args.rounds, args.seconds)
    for part, rows in figures.items():
        print(part)
        for name, row in rows.items():
            if isinstance(row, dict):
                print(f"  {name}")
                for figure, value in row.items():
                    if isinstance(value, float):
                        print(f"    {figure.replace('_', ' '):40} {value:12,.2f}")
    machine = {
        "cores": os.cpu_count(),
        "load_before": load_before,
        "load_after": os.getloadavg()[0],
        "os": platform.platform(),
        "torch": torch.__version__,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }
    if load_before > 0.5:
        print(f"The machine was busy with other things (load {load_before:.1f}).", file=sys.stderr)
    if args.json:
        args.json.write_text(json.dumps({"machine": machine, **figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
