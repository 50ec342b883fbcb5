"""Models of other libraries, by the libraries themselves, each on a small model of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from docs.rooms import ROOT
from vae_core.adapters.adapted import adapted
from vae_core.adapters.checks import check_model
from vae_core.data.torchvision_import import import_torchvision
from vae_core.errors import CheckpointError, ConfigError, ZscapeError
from vae_core.latent.geometry import jacobian_columns

DIGITS = load_digits()
IMAGES = DIGITS.images / 16  # (n, 8, 8) in [0, 1]
ROWS = IMAGES.reshape(len(IMAGES), 64)
X = torch.from_numpy(IMAGES[:6, None].astype(np.float32))


@pytest.fixture(scope="module")
def pythae() -> Any:
    return pytest.importorskip("pythae.models")


@pytest.fixture(scope="module")
def keras() -> Any:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return pytest.importorskip("keras")


@pytest.fixture(scope="module")
def onnx() -> Any:
    pytest.importorskip("onnxruntime")
    return pytest.importorskip("onnx")


def test_scikit_learns_pca_keeps_its_codes_and_its_images() -> None:
    fitted = PCA(5).fit(ROWS)
    model = adapted(fitted, images=IMAGES)
    mu, _ = model.encode(X)
    expected = fitted.transform(ROWS[:6])
    np.testing.assert_allclose(mu, expected, atol=1e-5)
    images = fitted.inverse_transform(expected).clip(0, 1).reshape(6, 1, 8, 8)
    np.testing.assert_allclose(model.decode(mu), images, atol=1e-5)
    assert not model.has_gradients and not model.is_variational
    (sentence,) = check_model(model, IMAGES)
    assert "of the pixels are cut off at black or white" in sentence


def test_a_pipeline_of_images_from_0_to_16_is_told_so() -> None:
    fitted = make_pipeline(StandardScaler(), PCA(5)).fit(ROWS * 16)
    with pytest.raises(ConfigError, match="value_range="):
        adapted(fitted, images=IMAGES)
    model = adapted(fitted, images=DIGITS.images, value_range=(0, 16))
    expected = fitted.transform(ROWS[:6] * 16)
    np.testing.assert_allclose(model.encode(X)[0], expected, atol=1e-4)


def test_a_transformer_without_a_way_back_has_no_decoder() -> None:
    fitted = LinearDiscriminantAnalysis(n_components=2).fit(ROWS, DIGITS.target)
    model = adapted(fitted, images=IMAGES)
    assert model.has_encoder and not model.has_decoder and check_model(model, IMAGES) == []


# In a process of its own: without its compiler, which would take a minute, and all by itself, so
# that it is seen what else was imported.
UMAP = """
import json, sys
import numpy as np, torch
from sklearn.datasets import load_digits
from umap import UMAP
from vae_core import adapted
images = load_digits().images[:60] / 16
rows = images.reshape(60, 64)
fitted = UMAP(n_neighbors=5, n_epochs=5, random_state=0).fit(rows)
model = adapted(fitted, images=images)
mu, _ = model.encode(torch.from_numpy(images[:8, None]))
back = fitted.inverse_transform(fitted.transform(rows[:8])).reshape(8, 1, 8, 8)
print(json.dumps([
    float(np.abs(mu.numpy() - fitted.transform(rows[:8])).max()),
    float(np.abs(model.decode(mu).numpy() - back.clip(0, 1)).max()),
    [name for name in ("keras", "pythae", "diffusers", "onnxruntime") if name in sys.modules],
]))
"""


def test_umap_keeps_its_codes_and_its_images_and_no_other_library_is_imported() -> None:
    pytest.importorskip("numba")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", UMAP],
        cwd=ROOT, env=os.environ | {"NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    if "No module named 'umap'" in done.stderr:
        pytest.skip("umap-learn is not installed")
    assert done.returncode == 0, done.stderr[-2_000:]
    codes, images, imported = json.loads(done.stdout.splitlines()[-1])
    assert codes < 1e-5 and images < 1e-5 and imported == []


@pytest.mark.parametrize("kind", ["VAE", "AE", "VAE_IAF", "VAE_LinNF"])
def test_a_model_of_pythae_is_its_encoder_and_its_decoder(pythae: Any, kind: str) -> None:
    torch.manual_seed(0)
    config = getattr(pythae, f"{kind}Config", None) or getattr(pythae, f"{kind}_Config")
    theirs = getattr(pythae, kind)(config(input_dim=(1, 8, 8), latent_dim=4))
    model = adapted(theirs)
    assert check_model(model) == [] and theirs.training
    with torch.no_grad():
        told = theirs.eval().encoder(X)
        mu = told.embedding
        if kind == "VAE_IAF":
            mu = theirs.iaf_flow.inverse(mu).out
        elif kind == "VAE_LinNF":
            for layer in theirs.net:
                mu = layer(mu).out
        torch.testing.assert_close(model.encode(X)[0], mu)
        torch.testing.assert_close(model.decode(mu), theirs.decoder(mu).reconstruction)
    assert model.is_variational == (kind == "VAE")
    if kind == "VAE":
        torch.testing.assert_close(model.encode(X)[1], told.log_covariance)


def test_codes_of_pythae_that_are_not_of_a_flat_space_are_refused(pythae: Any) -> None:
    model = pythae.VQVAE(pythae.VQVAEConfig(input_dim=(1, 8, 8), latent_dim=4))
    with pytest.raises(ConfigError, match="VQVAE are entries of a code book"):
        adapted(model)


class Trap:
    """What a pickle runs when it is opened."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.file,)


def test_no_pickle_in_a_folder_of_pythae_is_opened(pythae: Any, tmp_path: Path) -> None:
    theirs = pythae.VAE(pythae.VAEConfig(input_dim=(1, 8, 8), latent_dim=4))
    folder, sprung = tmp_path / "mine", tmp_path / "sprung"
    theirs.save(str(folder))
    torch.save(Trap(sprung), folder / "model.pt")
    with pytest.raises(CheckpointError, match=r"model\.pt, a pickle, which is never opened; load"):
        adapted(folder)
    save_file(theirs.state_dict(), folder / "model.safetensors")
    z = torch.randn(3, 4)
    with torch.no_grad():
        expected = theirs.eval().decoder(z).reconstruction
    torch.testing.assert_close(adapted(str(folder)).decode(z), expected)
    assert not sprung.exists()


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"uses_default_decoder": False}, "decoder of its own as a pickle"),
        ({"name": "os"}, "'os', which is no model of Pythae's"),
        ({"latent_dim": 5}, r"model\.safetensors does not fit"),
        ({"latent_dim": 10**12}, r"model\.safetensors does not fit|not as Pythae writes it"),
        ({"input_dim": "a"}, "not as Pythae writes it"),
    ],
)
def test_a_folder_that_does_not_fit_itself_is_refused(
    pythae: Any, tmp_path: Path, config: dict[str, Any], sentence: str
) -> None:
    theirs = pythae.VAE(pythae.VAEConfig(input_dim=(1, 8, 8), latent_dim=4))
    theirs.save(str(tmp_path))
    save_file(theirs.state_dict(), tmp_path / "model.safetensors")
    file = tmp_path / "model_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | config))
    with pytest.raises(CheckpointError, match=sentence):
        adapted(tmp_path)


def test_an_autoencoder_of_diffusers_runs_from_0_to_1_with_a_flat_code() -> None:
    import_torchvision()
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    theirs = diffusers.AutoencoderKL(
        block_out_channels=(4, 8), down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=4, norm_num_groups=4,
        sample_size=16,
    )  # fmt: skip
    model = adapted(theirs)
    assert (model.image_shape, model.latent_dim) == ((3, 16, 16), 256)
    assert check_model(model) == [] and model.has_gradients and theirs.training
    x = torch.rand(2, 3, 16, 16)
    with torch.no_grad():
        posterior = theirs.eval().encode(2 * x - 1).latent_dist
        sample = theirs.decode(posterior.mean).sample
    mu, logvar = model.encode(x)
    torch.testing.assert_close(mu, posterior.mean.flatten(1))
    torch.testing.assert_close(logvar, posterior.logvar.flatten(1))
    torch.testing.assert_close(model.decode(mu), ((sample + 1) / 2).clamp(0, 1))
    assert adapted(theirs, image_shape=(3, 32, 32)).latent_dim == 1024
    # Its attention has no derivative forwards, of two rows or more; backwards it has.
    z, axis = mu.detach().requires_grad_(), torch.eye(256)[:1]
    (slope,) = torch.autograd.grad(model.decode(z).sum(), [z])
    along = jacobian_columns(model, z.detach(), axis).sum((1, 2))
    torch.testing.assert_close(along, slope[:, 0], rtol=0.05, atol=0.05)


def test_a_keras_vae_gives_mu_and_logvar_of_images_with_channels_last(keras: Any) -> None:
    layers, shape = keras.layers, (8, 6, 3)

    class Sampling(layers.Layer):  # type: ignore[misc, name-defined]
        def call(self, pair: Any) -> Any:
            mu, logvar = pair
            eps = keras.random.normal(keras.ops.shape(mu))
            return mu + keras.ops.exp(logvar / 2) * eps

    class Vae(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self, encoder: Any, decoder: Any) -> None:
            super().__init__()
            self.encoder, self.decoder = encoder, decoder

    keras.utils.set_random_seed(0)
    image, code = keras.Input(shape), keras.Input((3,))
    hidden = layers.BatchNormalization()(layers.Conv2D(4, 3, activation="relu")(image))
    flat = layers.Dropout(0.5)(layers.Flatten()(hidden))
    mu, logvar = layers.Dense(3)(flat), layers.Dense(3)(flat)
    encoder = keras.Model(image, [mu, logvar, Sampling()([mu, logvar])])
    pixels = layers.Dense(144, activation="sigmoid")(code)
    decoder = keras.Model(code, layers.Reshape(shape)(pixels))

    model = adapted(Vae(encoder, decoder))
    assert (model.image_shape, model.latent_dim) == ((3, 8, 6), 3)
    assert model.is_variational and model.has_gradients
    x = torch.rand(5, 3, 8, 6)
    told = encoder.predict(x.permute(0, 2, 3, 1).numpy(), verbose=0)
    for ours, theirs in zip(model.encode(x), told, strict=False):
        np.testing.assert_allclose(ours.detach(), theirs, atol=1e-5)
    images = decoder.predict(told[0], verbose=0).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(model.decode(torch.from_numpy(told[0])).detach(), images, atol=1e-5)
    pair = adapted(encode=encoder, decode=decoder)
    assert torch.equal(pair.encode(x)[0], model.encode(x)[0])
    assert [sentence for sentence in check_model(pair) if "draws from" not in sentence] == []


def linear_layer(onnx: Any, weight: np.ndarray, batch: int | str, *, sigmoid: bool) -> Any:
    """A model of one layer of `weight` (n, m), of the weight's precision."""
    kind = onnx.helper.np_dtype_to_tensor_dtype(weight.dtype)
    value, node = onnx.helper.make_tensor_value_info, onnx.helper.make_node
    rows = [value(name, kind, (batch, n)) for name, n in zip("xy", weight.shape, strict=True)]
    nodes = [node("MatMul", ["x", "w"], ["h"]), node(("Identity", "Sigmoid")[sigmoid], "h", "y")]
    graph = onnx.helper.make_graph(
        nodes, "layer", rows[:1], rows[1:], [onnx.numpy_helper.from_array(weight, "w")]
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    return onnx.helper.make_model(graph, opset_imports=opset, ir_version=9)


@pytest.mark.parametrize(("batch", "kind"), [("n", np.float32), (4, np.float32), (1, np.float64)])
def test_an_onnx_pair_takes_any_number_of_rows(
    onnx: Any, tmp_path: Path, batch: int | str, kind: Any
) -> None:
    random = np.random.default_rng(0)
    down, up = random.normal(size=(64, 3)).astype(kind), random.normal(size=(3, 64)).astype(kind)
    onnx.save(linear_layer(onnx, down, batch, sigmoid=False), tmp_path / "encoder.onnx")
    onnx.save(linear_layer(onnx, up, batch, sigmoid=True), tmp_path / "decoder.onnx")
    model = adapted(tmp_path, images=IMAGES)
    assert (model.latent_dim, model.has_gradients) == (3, False)
    mu, _ = model.encode(X)
    np.testing.assert_allclose(mu, X.flatten(1) @ down.astype(np.float32), rtol=1e-4, atol=1e-4)
    expected = 1 / (1 + np.exp(-(mu.numpy() @ up)))
    np.testing.assert_allclose(model.decode(mu).flatten(1), expected, rtol=1e-4, atol=1e-5)
    assert check_model(model, IMAGES) == []
    one = adapted(decode=tmp_path / "decoder.onnx", image_shape=(8, 8))
    assert one.latent_dim == 3 and torch.equal(one.decode(mu), model.decode(mu))


def test_what_is_no_onnx_model_is_refused(onnx: Any, tmp_path: Path) -> None:
    (tmp_path / "torn.onnx").write_bytes(b"not a model")
    for file, sentence in (("torn.onnx", "no ONNX model that runs"), ("no.onnx", "There is no")):
        with pytest.raises(ZscapeError, match=sentence):
            adapted(decode=tmp_path / file)
