"""What the bytes of a packed model say, read by nothing of the project's."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vae_core.errors import ConfigError
from vae_core.export.packing import CODINGS, Coding, pack, packed_size
from vae_core.export.rounding import Rounded
from vae_core.export.steps import Program


def program(*tensors: torch.Tensor) -> Program:
    return Program(2, (1, 3, 2), [{"op": "same", "size": 2}], None, True, list(tensors))


def unpacked(packed: bytes) -> tuple[dict[str, Any], list[np.ndarray]]:
    (length,) = struct.unpack_from("<I", packed)
    head = json.loads(packed[4 : 4 + length])
    tensors = []
    for each in head["tensors"]:
        shape, at = each["shape"], 4 + length + each["at"]
        assert at % 4 == 0
        count = int(np.prod(shape))
        assert len(shape) == 2 or each["coding"] == "float32"
        if each["coding"] == "float32":
            values = np.frombuffer(packed, "<f4", count, at)
        elif each["coding"] == "float16":
            values = np.frombuffer(packed, "<f2", count, at)
        else:
            scales = np.frombuffer(packed, "<f4", shape[0], at)
            levels = np.frombuffer(packed, "i1", count, at + 4 * shape[0])
            values = levels.reshape(shape) * scales[:, None]
        tensors.append(values.reshape(shape).astype("f4"))
    return head, tensors


@pytest.mark.parametrize("coding", CODINGS)
@given(rows=st.integers(1, 5), columns=st.integers(1, 7), seed=st.integers(0, 1000))
def test_each_weight_comes_back_as_near_as_its_coding_promises(
    coding: Coding, rows: int, columns: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    matrix = torch.randn(rows, columns, generator=generator) * 10
    vector = torch.randn(columns, generator=generator)
    packed = pack(program(matrix, vector, matrix), coding)
    head, found = unpacked(packed)
    assert head["coding"] == coding
    assert head["decoder"] == [{"op": "same", "size": 2}]
    assert np.array_equal(found[1], vector.numpy())
    largest = matrix.abs().amax(1, keepdim=True).numpy()
    off = {"float32": 0 * largest, "float16": largest / 2**11}[coding]
    for again in (found[0], found[2]):
        assert (np.abs(again - matrix.numpy()) <= off).all()
    size = packed_size(program(matrix, vector, matrix), coding)
    assert 0 <= len(packed) - size - len(json.dumps(head, separators=(",", ":"))) < 20


def test_rounded_matrices_are_levels_and_their_scales() -> None:
    rounded = Rounded(torch.tensor([[1, -127, 3]], dtype=torch.int8), torch.tensor([0.5]))
    packed = pack(program(torch.ones(1, 3), torch.ones(1, 3)), rounded={1: rounded})
    head, (first, second) = unpacked(packed)
    assert [each["coding"] for each in head["tensors"]] == ["float16", "int8"]
    assert head["coding"] == "int8"
    assert first.tolist() == [[1, 1, 1]] and second.tolist() == [[0.5, -63.5, 1.5]]


@pytest.mark.parametrize("weight", [1e5, float("nan"), float("inf")])
def test_a_weight_that_the_coding_does_not_hold_is_refused(weight: float) -> None:
    with pytest.raises(ConfigError, match="weight"):
        pack(program(torch.full((1, 1), weight)), "float16")
