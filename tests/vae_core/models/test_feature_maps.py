"""What leaves each layer of the decoder is what the layers give when called one by one."""

import threading

import pytest
import torch

from vae_core.models.config import ModelConfig
from vae_core.models.feature_maps import MOST_MAPS, NO_UNIT, STRIP, FeatureMaps, feature_maps
from vae_core.models.kinds import build_model
from vae_core.models.networks import network_names

HIDDEN = {"mlp": (20, 10), "lecture-conv": (16, 8)}


def built(**settings):
    torch.manual_seed(0)
    return build_model(ModelConfig(**({"image_shape": (1, 8, 8)} | settings))).eval()


def test_an_mlps_layers_follow_one_another() -> None:
    model, z = built(hidden=(20, 10), latent_dim=3), torch.tensor([0.5, -1.0, 2.0])
    found = feature_maps(model, z)
    assert [layer.name for layer in found[:-1]] == ["Linear + SiLU", "Linear + SiLU", "Linear"]
    assert [layer.shape for layer in found] == [(10,), (20,), (1, 8, 8), (1, 8, 8)]
    assert "in_features=3, out_features=10" in found[0].settings
    first, act, second, *_ = model.decoder
    with torch.no_grad():
        hidden = act(first(z))
        torch.testing.assert_close(found[0].maps, hidden)
        torch.testing.assert_close(found[1].maps, act(second(hidden)))
        torch.testing.assert_close(found[2].maps, model.decode_parameters(z[None])[0])


def test_transposed_convolutions_give_maps_of_growing_size() -> None:
    model = built(network="conv", hidden=(4, 8, 16), latent_dim=2)
    found = feature_maps(model, torch.zeros(2))
    assert [layer.shape for layer in found] == [
        (16,), (8, 2, 2), (4, 4, 4), (1, 8, 8), (1, 8, 8),
    ]  # fmt: skip
    assert [layer.name.split()[0] for layer in found[2:4]] == ["ConvTranspose2d"] * 2


@pytest.mark.parametrize("network", network_names())
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 9, 7)])
def test_the_last_is_the_image_and_no_hook_is_left(network: str, shape) -> None:
    hidden = HIDDEN.get(network, (4, 8, 16))
    model = built(network=network, hidden=hidden, image_shape=shape, latent_dim=5)
    z = torch.ones(5)
    *layers, image = feature_maps(model, z)
    with torch.no_grad():
        torch.testing.assert_close(image.maps, model.decode(z[None])[0])
    assert all(len(layer.shape) in (1, 3) for layer in layers)
    assert not any(layer._forward_hooks for layer in model.modules())


def test_m2_has_its_layers_for_each_class() -> None:
    model = built(kind="m2", hidden=(12,), classes=4, latent_dim=2)
    found = feature_maps(model, torch.zeros(2))
    assert [layer.shape for layer in found] == [(4, 12), (4, 64), (1, 8, 8)]


def test_layers_that_another_thread_computes_meanwhile_are_not_taken_for_ones_own() -> None:
    model = built(hidden=(20, 10), latent_dim=3)
    decode, z = model.decode, torch.zeros(3)

    def with_another(batch):
        other = threading.Thread(target=torch.no_grad()(decode), args=(torch.ones(4, 3),))
        other.start()
        other.join()
        return decode(batch)

    model.decode = with_another
    beside = feature_maps(model, z)
    del model.decode
    alone = feature_maps(model, z)
    assert [layer.name for layer in beside] == [layer.name for layer in alone]
    for a, b in zip(beside, alone, strict=True):
        torch.testing.assert_close(a.maps, b.maps)


def test_maps_are_shown_as_shares_of_the_layers_largest_value() -> None:
    maps = torch.tensor([[[2.0, -4.0], [0.0, 1.0]]])
    shares = FeatureMaps("Conv", "", maps).shares
    assert shares.dtype == torch.int8
    assert shares.tolist() == [[[64, -127], [0, 32]]]
    many = FeatureMaps("Conv", "", torch.ones(MOST_MAPS + 5, 3, 2)).shares
    assert many.shape == (MOST_MAPS, 3, 2)
    assert (FeatureMaps("Conv", "", torch.zeros(1, 2, 2)).shares == 0).all()


def test_units_are_shown_in_rows_of_a_strip() -> None:
    shares = FeatureMaps("Linear", "", torch.full((STRIP + 2,), -3.0)).shares
    assert shares.shape == (1, 2, STRIP)
    assert (shares.flatten()[: STRIP + 2] == -127).all()
    assert (shares.flatten()[STRIP + 2 :] == NO_UNIT).all()
    assert FeatureMaps("Linear", "", torch.ones(3, 7)).shares.shape == (3, 1, 7)
