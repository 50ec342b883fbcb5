"""Networks from elsewhere: taken as ONNX, run apart; what they do wrong is one sentence."""

from __future__ import annotations

import io
import json
import signal
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto as T
from onnx import helper as h
from torch import nn

from vae_core.adapters.adapted import adapted
from vae_core.adapters.checks import check_model
from vae_core.checkpoints.archives import unpack_checkpoint, zip_checkpoint
from vae_core.checkpoints.onnx import process
from vae_core.checkpoints.onnx.importing import onnx_model, read_onnx
from vae_core.checkpoints.reading import load_checkpoint, load_latents, read_config
from vae_core.checkpoints.writing import save_checkpoint
from vae_core.command.main import main
from vae_core.data.datasets import load_dataset
from vae_core.errors import CheckpointError, ConfigError

SHIPPED = Path(__file__).parents[3] / "checkpoints" / "digits-2d"
RNG = np.random.default_rng(0)
W = RNG.standard_normal((2, 64)).astype(np.float32)  # z -> pixels


def constant(name: str, values: Any, kind: int = T.FLOAT) -> onnx.TensorProto:
    array = np.asarray(values, h.tensor_dtype_to_np_dtype(kind))
    return onnx.numpy_helper.from_array(array, name)


def graph(
    nodes: Sequence[onnx.NodeProto],
    constants: Sequence[onnx.TensorProto] = (),
    sides: Sequence[int | str] = ("n", 2),
    outputs: Sequence[str] = ("x",),
    domains: Sequence[str] = (),
) -> onnx.ModelProto:
    return h.make_model(
        h.make_graph(
            nodes,
            "g",
            [h.make_tensor_value_info("z", T.FLOAT, list(sides))],
            [h.make_tensor_value_info(name, T.FLOAT, None) for name in outputs],
            list(constants),
        ),
        opset_imports=[h.make_opsetid("", 18), *(h.make_opsetid(d, 1) for d in domains)],
        ir_version=9,
    )


def decoder(*more: onnx.NodeProto, last: str = "y", shape: Sequence[int] = (-1, 1, 8, 8),
            constants: Sequence[onnx.TensorProto] = ()) -> onnx.ModelProto:  # fmt: skip
    """sigmoid(z W), and what `more` makes of it, in `last`, in the shape given."""
    nodes = [
        h.make_node("MatMul", ["z", "W"], ["a"]),
        h.make_node("Sigmoid", ["a"], ["y"]),
        *more,
        h.make_node("Reshape", [last, "shape"], ["x"]),
    ]
    return graph(nodes, [constant("W", W), constant("shape", shape, T.INT64), *constants])


def zipped(**files: bytes) -> io.BytesIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        for name, data in files.items():
            bundle.writestr(name.replace("_", "."), data)
    return buffer


def endless(condition: str) -> list[onnx.NodeProto]:
    """Steps from y to y2, for ever where `condition` holds."""
    body = h.make_graph(
        [h.make_node("Identity", ["c"], ["c2"]), h.make_node("Sin", ["v"], ["v2"])],
        "body",
        [h.make_tensor_value_info("i", T.INT64, []), h.make_tensor_value_info("c", T.BOOL, []),
         h.make_tensor_value_info("v", T.FLOAT, None)],
        [h.make_tensor_value_info("c2", T.BOOL, []), h.make_tensor_value_info("v2", T.FLOAT, None)],
    )  # fmt: skip
    return [h.make_node("Loop", ["", condition, "y"], ["y2"], body=body)]


ALWAYS = constant("always", True, T.BOOL)
ONES = h.make_tensor("v", T.FLOAT, [1], [1.0])
BRINGS_NOTHING = constant("w", [0.0])
BRINGS_NOTHING.dims[:], BRINGS_NOTHING.raw_data = [100_000_000_000], b""
ELSEWHERE = constant("w", [0.0])
ELSEWHERE.data_location, ELSEWHERE.raw_data = T.EXTERNAL, b""
ELSEWHERE.external_data.add(key="location", value="/etc/passwd")
FOREIGN = graph([h.make_node("Foo", ["z"], ["x"], domain="mine")], domains=["mine"])
INSIDE = h.make_node(
    "If", ["always"], ["y2"],
    then_branch=h.make_graph([h.make_node("Foo", ["y"], ["o"], domain="mine")], "b", [],
                             [h.make_tensor_value_info("o", T.FLOAT, None)]),
    else_branch=h.make_graph([h.make_node("Identity", ["y"], ["o"])], "b", [],
                             [h.make_tensor_value_info("o", T.FLOAT, None)]),
)  # fmt: skip
LARGE = [
    h.make_node("ConstantOfShape", ["huge"], ["c"], value=ONES),
    h.make_node("ReduceSum", ["c"], ["s"], keepdims=0),
    h.make_node("Add", ["y", "s"], ["y2"]),
]


def calling(*callees: str) -> bytes:
    """A decoder that calls F0, and functions F0, F1, …, each of which calls what is named twice."""
    called = decoder(h.make_node("F0", ["y"], ["y2"], domain="mine"), last="y2")
    mine = h.make_opsetid("mine", 1)
    called.opset_import.append(mine)
    for k, callee in enumerate(callees):
        domain = "mine" if callee[0] == "F" else ""
        nodes = [
            h.make_node(callee, [before], [after], domain=domain)
            for before, after in (("a", "t"), ("t", "b"))
        ]
        imports = [h.make_opsetid("", 18), mine]
        called.functions.append(h.make_function("mine", f"F{k}", ["a"], ["b"], nodes, imports))
    return called.SerializeToString()


VAST = graph([h.make_node("Sigmoid", ["z"], ["x"])], sides=("n", 2**40))
TEXTS = graph([h.make_node("Cast", ["z"], ["x"], to=T.STRING)])
TEXTS.graph.output[0].type.tensor_type.elem_type = T.STRING
HOSTILE: dict[str, tuple[bytes, str]] = {
    "a code of 4 TB": (VAST.SerializeToString(), "16,384 are taken at most"),
    "400 GB": (
        decoder(*LARGE, last="y2",
                constants=[constant("huge", [100_000_000_000], T.INT64)]).SerializeToString(),
        "memory",
    ),
    "a loop without an end": (
        decoder(*endless("always"), last="y2", constants=[ALWAYS]).SerializeToString(),
        "computes for more than",
    ),
    "NaN": (
        decoder(h.make_node("Log", ["k"], ["l"]), h.make_node("Add", ["y", "l"], ["y2"]),
                last="y2", constants=[constant("k", [-1.0])]).SerializeToString(),
        "NaN or infinite",
    ),
    "a constant that is not there": (
        decoder(constants=[BRINGS_NOTHING]).SerializeToString(), "not in the file",
    ),
    "data in another file": (
        decoder(constants=[ELSEWHERE]).SerializeToString(), "keeps weights in another file",
    ),
    "own operators": (FOREIGN.SerializeToString(), "'mine'"),
    "own operators in a branch": (
        decoder(INSIDE, last="y2", constants=[ALWAYS]).SerializeToString(), "'mine'",
    ),
    "logits": (decoder(h.make_node("Mul", ["a", "k"], ["y2"]), last="y2",
                       constants=[constant("k", [9.0])]).SerializeToString(), "--range"),
    "lots": (
        decoder(h.make_node("RandomUniformLike", ["y"], ["y2"]), last="y2").SerializeToString(),
        "samples",
    ),
    "functions that double": (
        calling(*(f"F{k + 1}" for k in range(40)), "Relu"), "unfold to more than 50,000 nodes",
    ),
    "a function within itself": (calling("F1", "F0"), "'F0' that calls itself"),
    "texts": (TEXTS.SerializeToString(), "'x' of no numbers"),
    "no batch": (decoder(shape=(1, 1, -1)).SerializeToString(), "first side"),
    "noise": (RNG.bytes(500), "no ONNX file"),
    "nothing": (b"", "no ONNX file"),
    "a pickle": (b"\x80\x04N.", "can run code"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_network_is_refused_by_a_sentence(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "CALL_SECONDS", 1.0)
    data, word = HOSTILE[kind]
    with pytest.raises(CheckpointError, match=word) as refused:
        unpack_checkpoint(zipped(decoder_onnx=data), tmp_path / "new")
    assert str(refused.value).endswith(".") and "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_functions_are_taken_that_are_of_the_standards_operators(tmp_path: Path) -> None:
    unpack_checkpoint(zipped(decoder_onnx=calling("F1", "Sin")), tmp_path / "called")
    steps = zip("ymno", ["m", "n", "o", "y2"], strict=True)
    sines = decoder(*(h.make_node("Sin", [a], [b]) for a, b in steps), last="y2")
    unpack_checkpoint(zipped(decoder_onnx=sines.SerializeToString()), tmp_path / "written")
    z = torch.randn(3, 2)
    images = [load_checkpoint(tmp_path / name).decode(z) for name in ("called", "written")]
    assert torch.equal(*images)


def test_a_network_that_goes_wrong_later_is_ended_and_nobody_else_notices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "CALL_SECONDS", 1.0)
    far = [
        h.make_node("ReduceMax", ["z"], ["m"], keepdims=0),
        h.make_node("Greater", ["m", "limit"], ["far"]),
        *endless("far"),
    ]
    bad = decoder(*far, last="y2", constants=[constant("limit", 50.0)])
    trap = unpack_checkpoint(zipped(decoder_onnx=bad.SerializeToString()), tmp_path / "trap")
    other = onnx_model({"decoder.onnx": decoder().SerializeToString()})
    z = torch.tensor([[60.0, 0.0]])
    with pytest.raises(CheckpointError, match="computes for more than 1 seconds") as first:
        trap.decode(z)
    expected = torch.sigmoid(z @ torch.from_numpy(W))
    torch.testing.assert_close(other.decode(z).flatten(1), expected, atol=1e-5, rtol=0)
    with pytest.raises(CheckpointError) as again:  # at once: it is not asked any more
        trap.decode(torch.zeros(1, 2))
    assert str(again.value) == str(first.value)


@pytest.mark.parametrize(
    ("how", "told"),
    [(signal.SIGKILL, "killed from outside"), (signal.SIGSEGV, "brought down the process")],
)
def test_how_a_process_ended_is_told_as_what_it_is(
    how: signal.Signals, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = [
        h.make_node("ReduceMax", ["z"], ["m"], keepdims=0),
        h.make_node("Greater", ["m", "limit"], ["far"]),
        *endless("far"),
    ]
    network = decoder(*far, last="y2", constants=[constant("limit", 50.0)])
    model = onnx_model({"decoder.onnx": network.SerializeToString()})
    send = process.send

    def sent_and_ended(*message: Any) -> None:
        send(*message)
        assert model.process is not None and model.process._process is not None
        model.process._process.send_signal(how)

    with monkeypatch.context() as patch, pytest.raises(CheckpointError, match=told):
        patch.setattr(process, "send", sent_and_ended)
        model.decode(torch.tensor([[60.0, 0.0]]))
    z = torch.zeros(1, 2)
    if how is signal.SIGKILL:  # which says nothing of the network
        torch.testing.assert_close(model.decode(z), torch.full((1, 1, 8, 8), 0.5))
    else:
        with pytest.raises(CheckpointError, match=told):
            model.decode(z)


def perceptron(network: nn.Module, *last: onnx.NodeProto, **outputs: Any) -> bytes:
    """A network of linear layers and SiLU as ONNX, as its export names it; `last` begins at y."""
    nodes, constants, at = [h.make_node("Flatten", ["z"], ["h0"])], [], "h0"
    for k, layer in enumerate(network.modules()):
        if isinstance(layer, nn.Linear):
            for name, weight in layer.named_parameters():
                constants.append(constant(f"{name}{k}", weight.detach().numpy()))
            nodes.append(h.make_node("Gemm", [at, f"weight{k}", f"bias{k}"], [f"l{k}"], transB=1))
            at = f"l{k}"
        elif isinstance(layer, nn.SiLU):
            nodes.append(h.make_node("Sigmoid", [at], [f"s{k}"]))
            nodes.append(h.make_node("Mul", [at, f"s{k}"], [f"m{k}"]))
            at = f"m{k}"
    nodes.append(h.make_node("Identity", [at], ["y"]))
    made = graph([*nodes, *last], constants, **outputs)
    made.metadata_props.add(key="likelihood", value="bernoulli")
    return made.SerializeToString()


def test_the_networks_of_a_model_as_onnx_have_its_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, shipped = tmp_path / "mine", load_checkpoint(SHIPPED)
    halves = h.make_node("Split", ["y"], ["mu", "logvar"], axis=1, num_outputs=2)
    (tmp_path / "e.onnx").write_bytes(
        perceptron(shipped.encoder, halves, sides=("n", 1, 8, 8), outputs=("mu", "logvar"))
    )
    mean = h.make_node("Sigmoid", ["y"], ["mean"])
    (tmp_path / "d.onnx").write_bytes(perceptron(shipped.decoder, mean, outputs=("mean",)))
    files = ["--decoder", str(tmp_path / "d.onnx"), "--encoder", str(tmp_path / "e.onnx")]
    assert main(["import", *files, "--data", "digits", "--output", str(mine), "--json"]) == 0
    imported = json.loads(capsys.readouterr().out)
    assert main(["evaluate", str(SHIPPED), "--json"]) == 0
    own = json.loads(capsys.readouterr().out)
    for name in ("reconstruction", "kl", "elbo"):
        assert imported[name] == pytest.approx(own[name], abs=1e-3)
    again = unpack_checkpoint(io.BytesIO(zip_checkpoint(mine)), tmp_path / "home")
    data = load_dataset("digits", "test")
    x = data.floats(torch.arange(9))
    torch.testing.assert_close(again.encode(x), shipped.encode(x), atol=1e-4, rtol=1e-4)
    latents = load_latents(mine)
    assert latents is not None and len(latents) == len(data)
    assert check_model(again, x) == []
    assert (mine / "preview.png").exists() and not (mine / "model.safetensors").exists()


def test_a_variance_is_not_taken_for_its_logarithm(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = load_checkpoint(SHIPPED)
    halves = h.make_node("Split", ["y"], ["mu", "var"], axis=1, num_outputs=2)
    encoder = perceptron(shipped.encoder, halves, sides=("n", 1, 8, 8), outputs=("mu", "var"))
    (tmp_path / "encoder.onnx").write_bytes(encoder)
    mean = h.make_node("Sigmoid", ["y"], ["mean"])
    (tmp_path / "decoder.onnx").write_bytes(perceptron(shipped.decoder, mean, outputs=("mean",)))
    files = [f"--{side}er={tmp_path / side}er.onnx" for side in ("decod", "encod")]
    assert main(["import", *files, "--data", "digits", "--output", str(tmp_path / "mine")]) == 1
    assert "gives 'var', a variance; let it give its logarithm" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="second output is 'var', where logvar is expected"):
        adapted(tmp_path, image_shape=(8, 8))


def test_layouts_ranges_and_deviations_are_understood() -> None:
    """Images as rows of (h, w, c) from -1 to 1, a fixed batch, sigma: against NumPy."""
    kept = RNG.standard_normal((192, 3)).astype(np.float32) / 14
    encoder = graph(
        [
            h.make_node("Reshape", ["z", "row"], ["r"]),
            h.make_node("MatMul", ["r", "K"], ["mean"]),
            h.make_node("Exp", ["mean"], ["std"]),
        ],
        [constant("row", [-1, 192], T.INT64), constant("K", kept)],
        sides=(2, 8, 8, 3),
        outputs=("std", "mean"),
    )
    tanh = graph(
        [h.make_node("MatMul", ["z", "V"], ["a"]), h.make_node("Tanh", ["a"], ["t"]),
         h.make_node("Reshape", ["t", "shape"], ["x"])],
        [constant("V", kept.T), constant("shape", [-1, 8, 8, 3], T.INT64)],
        sides=("n", 3),
    )  # fmt: skip
    files = {"decoder.onnx": tanh.SerializeToString(), "encoder.onnx": encoder.SerializeToString()}
    model = onnx_model(files, black=-1, white=1)
    assert (model.image_shape, model.latent_dim) == ((3, 8, 8), 3)
    assert not model.has_gradients and model.is_variational
    x = RNG.random((5, 3, 8, 8), np.float32)
    mu, logvar = model.encode(torch.from_numpy(x))
    expected = (2 * x - 1).transpose(0, 2, 3, 1).reshape(5, -1) @ kept
    np.testing.assert_allclose(mu, expected, atol=1e-5)
    np.testing.assert_allclose(logvar, 2 * expected, atol=1e-5)
    image = np.tanh(expected @ kept.T).reshape(5, 8, 8, 3).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(model.decode(mu), (image + 1) / 2, atol=1e-5)


def test_the_sigma_of_a_network_that_says_nothing_is_its_error(tmp_path: Path) -> None:
    data = load_dataset("digits", "test")
    encoder = graph(
        [h.make_node("Reshape", ["z", "row"], ["r"]), h.make_node("MatMul", ["r", "K"], ["code"])],
        [constant("row", [-1, 64], T.INT64), constant("K", W.T / 64)],
        sides=("n", 1, 8, 8),
        outputs=("code",),
    )
    files = {
        "decoder.onnx": decoder().SerializeToString(),
        "encoder.onnx": encoder.SerializeToString(),
    }
    model = onnx_model(files, data)
    x = data.floats(torch.arange(len(data)))
    error = (x - model.decode(model.encode(x)[0])).square().mean().sqrt()
    assert model.config.sigma == pytest.approx(float(error), rel=1e-4)
    assert not model.is_variational
    save_checkpoint(tmp_path / "mine", model, dataset=data)
    assert read_config(tmp_path / "mine")["onnx"]["mu"] == "code"


@pytest.mark.parametrize("ending", ["pt", "pt2", "pkl"])
def test_what_runs_code_is_not_even_opened(ending: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"torch\.export\.load"):
        read_onnx(tmp_path / f"decoder.{ending}")
    with pytest.raises(CheckpointError, match=r"torch\.export\.load"):
        unpack_checkpoint(zipped(**{f"model_{ending}": b""}), tmp_path / "new")
