"""The curves of a training show what its reports say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ui.training.curves import MOST_POINTS, compared_panels, kl_panel, training_panels
from vae_core.training.config import TrainConfig

CONFIG = TrainConfig(epochs=4, beta=3.0)


def report(step: int, reconstruction: float, kl: float, beta: float, ended: bool) -> dict:
    means = {"reconstruction": reconstruction, "kl": kl, "loss": beta * kl - reconstruction}
    return {
        "step": step,
        "total_steps": 40,
        "epoch_ended": ended,
        "train": means,
        "test": {k: v + 1 for k, v in means.items()} | {"kl_per_dim": [kl / 4, 0.001, 3 * kl / 4]},
    }


EVENTS = [report(10, -50.0, 2.0, 3.0, True), report(20, -40.0, 4.0, 3.0, True)]
UNDER_WAY = report(25, -39.0, 5.0, 3.0, False)


def lines(events: list[dict]) -> dict[tuple[str, int], tuple[list, list]]:
    panels = training_panels(events, CONFIG)
    return {
        (line.name, k): (list(line.x), list(line.y))
        for k, panel in enumerate(panels)
        for line in panel.lines
    }


def test_each_panel_has_its_term_over_the_epochs():
    shown = lines(EVENTS)
    assert shown["train", 0] == ([1.0, 2.0], [50.0, 40.0])
    assert shown["train", 1] == ([1.0, 2.0], [2.0, 4.0])
    assert shown["train", 2] == ([1.0, 2.0], [56.0, 52.0])


def test_test_figures_stand_at_the_epochs_ends_alone():
    shown = lines([*EVENTS, UNDER_WAY])
    assert shown["train", 0][0] == [1.0, 2.0, 2.5]
    assert shown["test", 0][0] == [1.0, 2.0]


def test_a_weight_other_than_one_is_named():
    assert training_panels(EVENTS, CONFIG)[2].title == ("Loss: cross-entropy + β KL, β = 3")
    assert training_panels(EVENTS, replace(CONFIG, beta=1.0))[2].title == (
        "Loss: cross-entropy + KL"
    )


@pytest.mark.parametrize(
    ("likelihood", "title"), [("bernoulli", "Cross-entropy"), ("gaussian", "−E[log p(x|z)]")]
)
def test_only_a_bernoulli_likelihood_has_a_cross_entropy(likelihood: str, title: str):
    assert training_panels(EVENTS, replace(CONFIG, likelihood=likelihood))[0].title == title


def test_a_plain_autoencoder_has_no_kl():
    config = TrainConfig(objective="autoencoder")
    assert [panel.title for panel in training_panels(EVENTS, config)] == ["Cross-entropy"]


@pytest.mark.parametrize(
    ("config", "title"),
    [
        (TrainConfig(objective="iwae", samples=5), "Loss: −IWAE bound, K = 5"),
        (
            TrainConfig(objective="iwae", samples=5, objective_settings={"rise": 0.5}),
            "Loss: −IWAE bound, K up to 5",
        ),
        (TrainConfig(objective="warm-up", beta=2.0), "Loss: cross-entropy + β KL, β up to 2"),
        (TrainConfig(objective="beta-tcvae"), "Loss, β = 6"),
        (
            TrainConfig(objective="beta-tcvae", objective_settings={"fall": 0.3}),
            "Loss, β down from 6",
        ),
        (TrainConfig(objective="free-bits"), "Loss of free-bits"),
    ],
)
def test_the_loss_is_called_what_it_is(config: TrainConfig, title: str):
    assert training_panels(EVENTS, config)[2].title == title


def test_what_else_is_in_the_loss_has_its_panel():
    def with_beta(event: dict, beta: float) -> dict:
        means = {k: event[k] | {"parts": {"beta": beta}} for k in ("train", "test")}
        return event | means

    events = [EVENTS[0], with_beta(EVENTS[1], 0.5)]  # the first by a version that had no parts
    panel = training_panels(events, TrainConfig(objective="warm-up", epochs=4))[3]
    assert panel.title == "β, the weight of the KL"
    assert [(line.x, line.y) for line in panel.lines] == [([2.0], [0.5])] * 2


def test_pixels_of_zero_and_one_have_no_cross_entropy():
    drawn = replace(CONFIG, binarisation="dynamic")
    assert training_panels(EVENTS, drawn)[0].title == "−E[log p(x|z)]"


@pytest.mark.parametrize("objective", ["denoising", "wae-mmd"])
def test_what_has_no_posterior_has_no_kl(objective: str):
    titles = [panel.title for panel in training_panels(EVENTS, TrainConfig(objective=objective))]
    assert titles == ["Cross-entropy", f"Loss of {objective}"]


def test_before_the_first_report_there_are_empty_axes():
    assert lines([])["test", 2] == ([], [])
    assert kl_panel([], epochs=4).lines == []


def test_a_long_training_is_thinned_and_ends_where_it_ended():
    events = [report(k, -50.0, 2.0, 3.0, True) for k in range(1, 1_001)]
    x = lines(events)["test", 0][0]
    assert len(x) <= MOST_POINTS + 1
    assert x[-1] == 4 * 1_000 / 40


def test_dimensions_stand_by_their_kl_and_the_collapsed_are_told():
    panel = kl_panel([*EVENTS, UNDER_WAY], epochs=4)
    assert [line.name for line in panel.lines] == ["z₃", "z₁", "z₂"]
    assert panel.lines[0].y == [1.5, 3.0]
    assert [line.dashed for line in panel.lines] == [False, False, True]
    assert panel.note == "2 active, 1 collapsed"


def test_runs_over_one_another_have_a_colour_each_and_a_dash_for_training():
    panels = compared_panels([("a", EVENTS, 4), ("b", EVENTS, 8)], {True})
    told = {line.name: line for line in panels[0].lines}
    assert told["a test"].colour == told["a train"].colour != told["b test"].colour
    assert told["a train"].dashed and not told["a test"].dashed
    assert told["b test"].x == [2.0, 4.0]


def test_the_only_run_of_a_comparison_needs_no_name():
    panels = compared_panels([("a", EVENTS, 4)], {True, False})
    assert [line.name for line in panels[0].lines] == ["train", "test"]
