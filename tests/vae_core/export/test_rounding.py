"""Small weights decode what the weights themselves do, and what they cost is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from vae_core.errors import ConfigError
from vae_core.export import rounding, running
from vae_core.export.rounding import LEVELS, Small, by_inputs, codes, small
from vae_core.export.running import cost, decoded, encoded
from vae_core.export.steps import Program, program_of
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def nearest(matrix: torch.Tensor) -> torch.Tensor:
    scales = matrix.abs().amax(1, keepdim=True) / 127
    return (matrix / scales).round() * scales


def program(scale: float, *, encoder: bool = False) -> Program:
    """Of a network whose weights are `scale` times as large as those it begins with."""
    torch.manual_seed(0)
    settings = {"latent_dim": 2, "image_shape": (1, 6, 5), "hidden": (24, 16)}
    model = build_model(ModelConfig(**settings)).eval()  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= scale
    return program_of(model, encoder=encoder)


def as_packed(exact: Program, found: Small) -> list[torch.Tensor]:
    tensors = [each.half().float() if each.ndim == 2 else each for each in exact.tensors]
    for k, matrix in found.rounded.items():
        tensors[k] = matrix.values
    return tensors


def test_inputs_that_vary_together_lose_far_less_than_by_the_nearest_levels() -> None:
    matrix, inputs = normal(30, 200), normal(500, 3, seed=1) @ normal(3, 200, seed=2)
    exact = inputs @ matrix.T
    off = (inputs @ by_inputs(matrix, inputs).values.T - exact).square().mean()
    assert off < (inputs @ nearest(matrix).T - exact).square().mean() / 50


def test_inputs_that_vary_alone_are_rounded_to_the_nearest_levels() -> None:
    matrix = normal(7, 5)
    rounded = by_inputs(matrix, torch.eye(5))
    assert torch.allclose(rounded.values, nearest(matrix), atol=1e-6)
    assert not by_inputs(torch.zeros(2, 3), torch.zeros(4, 3)).values.any()


def test_a_matrix_wider_than_is_taken_at_once_is_rounded_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vae_core.export.rounding.MOST_COLUMNS", 8)
    matrix = normal(3, 21)
    rounded = by_inputs(matrix, normal(50, 21, seed=1))
    largest = matrix.abs().amax(1, keepdim=True)
    assert ((rounded.values - matrix).abs() <= largest / 10).all()


@pytest.mark.parametrize("scale", [1, 3, 20])
def test_what_int8_would_cost_too_much_stays_float16(scale: float) -> None:
    exact = program(scale)
    found = small(exact, None)
    tensors = as_packed(exact, found)
    z = codes(2, None, 512)
    off = (decoded(replace(exact, tensors=tensors), z) - decoded(exact, z)).abs().max() * 255
    assert found.images == len(z) and found.levels == pytest.approx(float(off), abs=0.2)
    assert found.levels <= LEVELS or not found.rounded
    assert (len(found.rounded) == 3) == (scale == 1)
    assert not small(exact, None, integers=False).rounded


def test_a_mean_stays_within_its_sigma_and_says_how_far_off_it_is() -> None:
    exact = program(1, encoder=True)
    images = torch.randint(0, 256, (40, 1, 6, 5), dtype=torch.uint8)
    found = small(exact, None, images)
    tensors = as_packed(exact, found)
    x = images.flatten(1) / 255
    mu, logvar = encoded(exact, x).chunk(2, 1)
    off = (encoded(replace(exact, tensors=tensors), x)[:, :2] - mu).abs() / (logvar / 2).exp()
    assert found.sigmas == pytest.approx(float(off.max()), rel=0.01) and found.sigmas <= 1


def test_codes_are_those_of_data_of_the_prior_and_where_sliders_lead() -> None:
    means = 100 + normal(30, 5)
    found = codes(5, means, 10)
    assert found.shape == (30, 5)
    of_data = (found > 90).sum(1)
    assert (of_data == 5).sum() == 10 and (of_data == 0).sum() == 10
    assert set(of_data.tolist()) <= {0, 3, 4, 5}
    assert found[found < 90].abs().max() <= 5


def test_a_weight_that_is_no_number_is_refused() -> None:
    exact = program(1)
    exact.tensors[0][0, 0] = float("nan")
    with pytest.raises(ConfigError, match="NaN or infinite"):
        small(exact, None)


@pytest.mark.parametrize("scale", [1e4, 1e12, 1e20, 1e37])
@pytest.mark.parametrize("encoder", [False, True])
def test_weights_that_lead_to_the_infinite_are_small_or_told(scale: float, encoder: bool) -> None:
    exact = program(scale, encoder=encoder)
    try:
        found = small(exact, None)
    except ConfigError as told:
        assert "infinite" in str(told)
    else:
        assert found.levels <= LEVELS or not found.rounded


def test_a_search_without_an_end_is_given_up_and_all_stay_float16(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rounding, "MOST_TRIES", 2)
    assert not small(program(20), None).rounded


def test_what_a_convolution_meets_is_never_unfolded_all_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = ModelConfig((1, 16, 16), network="broadcast", hidden=(6, 6, 8), latent_dim=2)
    torch.manual_seed(0)
    exact, z = program_of(build_model(settings).eval()), normal(90, 2)
    whole = decoded(exact, z)
    monkeypatch.setattr(running, "AT_ONCE", 10_000)
    unfold, sizes = running.functional.unfold, []

    def unfolded(*given: object, **how: object) -> torch.Tensor:
        columns: torch.Tensor = unfold(*given, **how)
        sizes.append(columns.numel())
        return columns

    monkeypatch.setattr(running.functional, "unfold", unfolded)
    assert torch.allclose(decoded(exact, z), whole, atol=1e-6)
    found = small(exact, z)
    assert found.levels <= LEVELS and max(sizes) <= 10_000


def test_a_dear_model_is_looked_at_on_fewer_images(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = program(1)
    assert small(exact, None).images == 3 * 512
    work, widest = cost(exact)
    assert work == sum(each.numel() for each in exact.tensors if each.ndim == 2) and widest == 30
    monkeypatch.setattr(rounding, "MOST_WORK", 3 * 20 * work)
    assert small(exact, None).images == 3 * 20
