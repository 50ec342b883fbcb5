"""The models behind the slider of β."""

from ui.figures.beta import BETAS, beta_panels, trained
from vae_core.checkpoints.reading import list_checkpoints


def test_the_slider_has_the_weights_that_are_promised() -> None:
    assert all(not each.error for each in list_checkpoints(BETAS))
    models = trained()
    assert [one.beta for one in models] == [0.25, 0.5, 1, 2, 4, 8, 20]
    assert max(models, key=lambda one: one.metrics["elbo"]).beta == 1
    kl = [one.metrics["kl"] for one in models]
    assert kl == sorted(kl, reverse=True)
    assert all(len(one.x) == len(one.rebuilt) == len(one.samples) for one in models)
    error = [float((one.x - one.rebuilt).square().mean()) for one in models]
    assert error == sorted(error)
    panels = beta_panels(models, models[-1])
    assert all(list(panel.lines[1].x) == [20] for panel in panels)
    names = [panel.title for panel in panels]
    assert names == ["−E[log p(x|z)]", "KL(q ‖ p(z))", "−ELBO"]  # as beside the model, everywhere
