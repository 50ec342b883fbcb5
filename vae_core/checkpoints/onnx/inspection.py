"""What an ONNX file holds, looked at before any of it is run. Only the worker's process does so.

Bytes alone: no data in other files, no operators but the standard's own, no tensor that is larger
than what the file brings for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import onnx.inliner
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto

DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
FLOATS = {
    TensorProto.FLOAT: "float32",
    TensorProto.DOUBLE: "float64",
    TensorProto.FLOAT16: "float16",
}
MAX_NODES = 50_000
MAX_TENSOR_BYTES = 1 << 29  # of all constants together

_PICKLES = (b"PK\x03\x04", *(bytes([0x80, protocol]) for protocol in range(2, 6)))


class Refused(Exception):
    """The file is not taken; the message ends a sentence that begins with the file's name."""


def inspected(data: bytes) -> ModelProto:
    """The model in an ONNX file; Refused where it is none that is taken."""
    if data.startswith(_PICKLES):
        raise Refused(
            "is a pickle or a .pt file, which can run code when it is opened; export ONNX"
        )
    model: ModelProto
    try:
        model = ModelProto.FromString(data)
        if model.functions:
            if _unfolded(model) > MAX_NODES:
                raise Refused(f"has functions that unfold to more than {MAX_NODES:,} nodes")
            model = onnx.inliner.inline_local_functions(model)
    except (MemoryError, Refused):
        raise
    except Exception as error:  # protobuf's own, by its version
        raise Refused("is no ONNX file, or a torn one; export it again") from error
    if not model.graph.node or not model.opset_import:
        raise Refused("is no ONNX file, or an empty one; export it again")
    if model.training_info or model.functions:
        raise Refused("holds more than a graph to run; export it for inference")
    for node in _nodes(model.graph):
        if node.domain not in DOMAINS:
            raise Refused(
                f"uses operators of {node.domain[:40]!r}; only those of the ONNX standard are run"
            )
    for k, imported in reversed(list(enumerate(model.opset_import))):
        if imported.domain not in DOMAINS:  # of functions that stand in the graph by now
            del model.opset_import[k]
    if sum(1 for _ in _nodes(model.graph)) > MAX_NODES:
        raise Refused(f"has more than {MAX_NODES:,} nodes, the most that are taken")
    total = 0
    for tensor in _tensors(model.graph):
        if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
            raise Refused("keeps weights in another file; export it with all of them inside")
        total += _checked_size(tensor)
    if total > MAX_TENSOR_BYTES:
        raise Refused(f"holds {total:,} bytes of constants, and {MAX_TENSOR_BYTES:,} are the most")
    return model


def _unfolded(model: ModelProto) -> int:
    """How many nodes its graph has once each function stands where it is called."""
    functions = {(each.domain, each.name, each.overload): each for each in model.functions}
    sizes: dict[tuple[str, str, str], int] = {}
    within: set[tuple[str, str, str]] = set()

    def size(nodes: Iterator[NodeProto]) -> int:
        return sum(size_of((node.domain, node.op_type, node.overload)) for node in nodes)

    def size_of(name: tuple[str, str, str]) -> int:
        if name not in functions:
            return 1
        if name in within:
            raise Refused(f"has a function {name[1][:40]!r} that calls itself")
        if name not in sizes:
            within.add(name)
            sizes[name] = 1 + size(_all_of(functions[name].node))
            within.remove(name)
        return sizes[name]

    return size(_nodes(model.graph))


def _checked_size(tensor: TensorProto) -> int:
    """Bytes of a constant, which its values are enough for."""
    if any(side < 0 for side in tensor.dims):
        raise Refused("holds a constant of a negative size; export it again")
    if tensor.data_type == TensorProto.STRING:
        return sum(map(len, tensor.string_data))
    try:
        bits = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize * 8
    except KeyError as error:
        raise Refused("holds a constant of no known type; export it again") from error
    size: int = math.prod(tensor.dims) * bits // 8
    # Less than a byte a number is packed; a value list takes a byte at least for each.
    if size > 16 * (1 + tensor.ByteSize()):
        raise Refused(
            f"says that a constant has {size:,} bytes, which are not in the file; export it again"
        )
    return size


def fed_inputs(model: ModelProto) -> list[tuple[str, str, list[int]]]:
    """Name, type and sides, 0 for one that may vary, of what the graph is given; constants not."""
    constant = {tensor.name for tensor in model.graph.initializer}
    found = []
    for each in model.graph.input:
        if each.name not in constant:
            kind = each.type.tensor_type
            sides = [max(0, side.dim_value) for side in kind.shape.dim]
            found.append((each.name, FLOATS.get(kind.elem_type, "other"), sides))
    return found


def _graphs(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH or attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _nodes(graph: GraphProto) -> Iterator[NodeProto]:
    yield from _all_of(graph.node)


def _all_of(nodes: Iterable[NodeProto]) -> Iterator[NodeProto]:
    """These nodes, and those of the graphs within them."""
    for node in nodes:
        yield node
        for inner in _graphs(node):
            yield from _nodes(inner)


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """Every constant, wherever it stands."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            one = [attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []
            for sparse in (*one, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
        for inner in _graphs(node):
            yield from _tensors(inner)
