"""The curves of a training show what its reports say."""

from __future__ import annotations

from ui.curves import training_curves


def report(step: int, reconstruction: float, kl: float, beta: float, ended: bool) -> dict:
    means = {"reconstruction": reconstruction, "kl": kl, "loss": beta * kl - reconstruction}
    return {
        "step": step,
        "total_steps": 40,
        "epoch_ended": ended,
        "train": means,
        "test": {k: v + 1 for k, v in means.items()},
    }


EVENTS = [report(10, -50.0, 2.0, 3.0, True), report(20, -40.0, 4.0, 3.0, True)]
UNDER_WAY = report(25, -39.0, 5.0, 3.0, False)


def traces(events: list[dict]) -> dict[tuple[str, int], tuple[list, list]]:
    figure = training_curves(events, epochs=4, beta=3.0, reconstruction_name="Cross-entropy")
    panels = {"x": 0, "x2": 1, "x3": 2}
    return {
        (trace.name, panels[trace.xaxis or "x"]): (list(trace.x), list(trace.y))
        for trace in figure.data
    }


def test_each_panel_has_its_term_over_the_epochs():
    shown = traces(EVENTS)
    assert shown["train", 0] == ([1.0, 2.0], [50.0, 40.0])
    assert shown["train", 1] == ([1.0, 2.0], [2.0, 4.0])
    assert shown["train", 2] == ([1.0, 2.0], [56.0, 52.0])


def test_test_figures_stand_at_the_epochs_ends_alone():
    shown = traces([*EVENTS, UNDER_WAY])
    assert shown["train", 0][0] == [1.0, 2.0, 2.5]
    assert shown["test", 0][0] == [1.0, 2.0]


def test_a_weight_other_than_one_is_named():
    figure = training_curves(EVENTS, epochs=4, beta=3.0, reconstruction_name="Cross-entropy")
    assert "β = 3" in figure.layout.annotations[2].text


def test_before_the_first_report_there_are_empty_axes():
    assert traces([])["test", 2] == ([], [])
