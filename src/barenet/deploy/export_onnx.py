"""Export a trained network as an ONNX graph, and run it in onnxruntime and in ONNX's NumPy reference.

The graph takes a batch of any size and gives `probabilities` (batch, C) float32 and `classes` (batch,) int64, the
number of the most probable class. Operators are those of opset 17 (2022), which every current runtime reads, in a file
of IR version 8, the lowest version for that opset (see the table in ONNX's "Versioning" page). Only a few simple
operators are used, which OpenCV's `dnn` module runs too.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from barenet.deploy.exported import Exported
from barenet.deploy.graphs.graph import Graph
from barenet.deploy.graphs.tables import add_features, replace_missing
from barenet.deploy.tables.numbers import columns_in_words
from barenet.errors import MachineError
from barenet.nn import MLP, by_kind
from barenet.nn.activations import LEAKY_SLOPE
from barenet.nn.gated import GELU_CUBIC, GELU_SCALE
from barenet.nn.layers.normalization import EPSILON

if TYPE_CHECKING:
    import onnx

__all__ = ["INSTALL", "build_onnx", "require_onnx", "run_onnxruntime", "run_reference"]

OPSET, IR_VERSION = 17, 8
PROBABILITIES = "probabilities"
INSTALL = 'pip install "barenet[onnx]"'

# Images in a batch when an export is tested.
TEST_BATCH = 1000


def require_onnx() -> None:
    """Raise MachineError, with the command that installs them, unless onnx and onnxruntime are there."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise MachineError(f"ONNX files need the package {error.name}, which is not installed: {INSTALL}") from None


def gelu(graph: Graph, z: str) -> str:
    """Add z sigmoid(2 sqrt(2/pi) (z + 0.044715 z^3)); the operator Gelu exists only since opset 20."""
    cubic = graph.constant("gelu_cubic", 2 * GELU_SCALE * GELU_CUBIC)
    linear = graph.constant("gelu_linear", 2 * GELU_SCALE)
    inner = graph.node("Add", graph.node("Mul", graph.node("Mul", z, z), cubic), linear)
    return graph.node("Mul", graph.node("Sigmoid", graph.node("Mul", inner, z)), z)


def silu(graph: Graph, z: str) -> str:
    """Add z sigmoid(z)."""
    return graph.node("Mul", graph.node("Sigmoid", z), z)


def softplus(graph: Graph, z: str) -> str:
    """Add max(z, 0) + log(1 + e^-|z|): the operator Softplus overflows in runtimes that compute log(1 + e^z)."""
    decayed = graph.node("Exp", graph.node("Neg", graph.node("Abs", z)))
    rest = graph.node("Log", graph.node("Add", decayed, graph.constant("one", 1.0)))
    return graph.node("Add", graph.node("Relu", z), rest)


ACTIVATION_NODES: dict[str, Callable[[Graph, str], str]] = {
    "relu": lambda graph, z: graph.node("Relu", z),
    "leaky_relu": lambda graph, z: graph.node("LeakyRelu", z, alpha=LEAKY_SLOPE),
    "sigmoid": lambda graph, z: graph.node("Sigmoid", z),
    "tanh": lambda graph, z: graph.node("Tanh", z),
    "elu": lambda graph, z: graph.node("Elu", z, alpha=1.0),
    "gelu": gelu,
    "silu": silu,
    "softplus": softplus,
    "softmax": lambda graph, z: graph.node("Softmax", z, axis=-1),
}


def build_onnx(exported: Exported) -> onnx.ModelProto:
    """Return the ONNX model, checked by ONNX's checker, which also checks types and shapes of every node."""
    from onnx import TensorProto, checker, helper

    graph = Graph()
    flat = add_preprocessing(graph, exported)
    networks = enumerate(exported.networks)
    add_average(graph, [add_network(graph, flat, network, f"network{i}_" if i else "") for i, network in networks])
    graph.node("ArgMax", PROBABILITIES, output="classes", axis=-1, keepdims=0)
    types = {"uint8": TensorProto.UINT8, "float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE}
    body = helper.make_graph(
        graph.nodes,
        "barenet",
        inputs=[helper.make_tensor_value_info("images", types[exported.input_dtype], ["batch", *exported.image_shape])],
        outputs=[
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", len(exported.class_names)]),
            helper.make_tensor_value_info("classes", TensorProto.INT64, ["batch"]),
        ],
        initializer=list(graph.constants.values()),
    )
    model = helper.make_model(
        body,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="barenet",
        producer_version=str(exported.about["barenet_version"]),
        doc_string=describe(exported),
    )
    # Text by name; lists as JSON.
    facts = exported.facts.items()
    helper.set_model_props(model, {name: one if isinstance(one, str) else json.dumps(one) for name, one in facts})
    checker.check_model(model, full_check=True)
    return model


def add_preprocessing(graph: Graph, exported: Exported) -> str:
    """Add the nodes before the first layer, which scale images or standardise features; return flat images.

    Features are standardised in float64, as in training: with a mean far from zero, float32 would lose digits. Missing
    numbers, NaN, are replaced as in training.
    """
    from onnx import TensorProto

    images = "images"
    if exported.standardiser is not None:
        mean = graph.constant("mean", exported.standardiser.mean, np.float64)
        deviation = graph.constant("deviation", exported.standardiser.deviation, np.float64)
        if exported.input_dtype != "float64":
            images = graph.node("Cast", images, to=TensorProto.DOUBLE)
        fill = exported.standardiser.fill
        if fill is not None and exported.columns and not exported.columns.are_plain:
            images = add_features(graph, images, exported.columns, fill)
        elif fill is not None:
            images = replace_missing(graph, images, fill)
        images = graph.node("Sub", images, mean)
        images = graph.node("Cast", graph.node("Div", images, deviation), to=TensorProto.FLOAT)
    if exported.input_dtype == "uint8":
        images = graph.node("Cast", images, to=TensorProto.FLOAT)
    if exported.scale != 1:
        images = graph.node("Mul", images, graph.constant("scale", exported.scale))
    if len(exported.image_shape) == 1:
        return images
    # Not Flatten: before OpenCV 5, it fails for images that are flat already.
    flat = graph.constant("flat_shape", [-1, math.prod(exported.image_shape)], np.int64)
    return graph.node("Reshape", images, flat)


def add_average(graph: Graph, shares: list[str]) -> None:
    """Add the mean of the networks' probabilities, and give it the name of the graph's output."""
    if len(shares) == 1:
        graph.rename_last(PROBABILITIES)
        return
    # Not Mean: OpenCV lacks it.
    total = functools.reduce(lambda total, share: graph.node("Add", total, share), shares)
    graph.node("Mul", total, graph.constant("share", 1 / len(shares)), output=PROBABILITIES)


def add_network(graph: Graph, x: str, network: MLP, prefix: str) -> str:
    """Add one network from flat images to probabilities; constants have the names of its parameters."""
    i = 0
    for layer in network.layers:
        i += layer.kind == "dense"
        x = by_kind(LAYER_NODES, layer, "the export to ONNX")(graph, x, layer, prefix, i)
    return graph.node("Softmax", x, axis=-1) if network.ends_in_logits else x


def dense(graph: Graph, x: str, layer: Any, prefix: str, i: int) -> str:
    """Add x W + b; not by Gemm, since OpenCV 4.5 takes only transposed weights there."""
    W, b = graph.constant(f"{prefix}W{i}", layer.W), graph.constant(f"{prefix}b{i}", layer.b.reshape(-1))
    return graph.node("Add", graph.node("MatMul", x, W), b)


def layer_norm(graph: Graph, x: str, _layer: Any, _prefix: str, _i: int) -> str:
    """Add (x - mean) / sqrt(variance + epsilon); the operator LayerNormalization needs a gain, and is newer."""
    centred = graph.node("Sub", x, graph.node("ReduceMean", x, axes=[-1], keepdims=1))
    variance = graph.node("ReduceMean", graph.node("Mul", centred, centred), axes=[-1], keepdims=1)
    return graph.node(
        "Div", centred, graph.node("Sqrt", graph.node("Add", variance, graph.constant("epsilon", EPSILON)))
    )


# For each kind of layer, a function that adds its nodes and returns the name of their result.
LAYER_NODES: dict[str, Callable[[Graph, str, Any, str, int], str]] = {
    "residual_start": lambda graph, x, layer, prefix, i: graph.keep(x),
    "dense": dense,
    "layer_norm": layer_norm,
    "batch_norm": lambda graph, x, layer, prefix, i: x,  # weights and bias hold it
    "activation": lambda graph, x, layer, prefix, i: ACTIVATION_NODES[layer.activation.name](graph, x),
    "residual_sum": lambda graph, x, layer, prefix, i: graph.node("Add", x, graph.kept),
    "dropout": lambda graph, x, layer, prefix, i: x,
}


def describe(exported: Exported) -> str:
    """Return a description for a person who opens the file."""
    shape = ", ".join(["batch", *map(str, exported.image_shape)])
    takes = f"images ({shape}), {exported.input_dtype}, {exported.values}"
    if exported.rows_of:
        takes = f"images ({shape}), {exported.input_dtype}, {columns_in_words(exported.rows_of)}"
    gives = f"probabilities (batch, {len(exported.class_names)}) and classes (batch,)"
    return (
        f"A multi-layer perceptron trained by barenet. Input: {takes}. Output: {gives}; class_names in the metadata "
        f"names them."
    )


def run_onnxruntime(content: bytes, images: NDArray[Any]) -> tuple[NDArray[np.floating], NDArray[np.integer]]:
    """Return probabilities (n, C) and classes (n,) that onnxruntime gives for the file's content."""
    from onnxruntime import InferenceSession

    session = InferenceSession(content, providers=["CPUExecutionProvider"])
    return run_batches(lambda batch: session.run(["probabilities", "classes"], {"images": batch}), images)


def run_reference(content: bytes, images: NDArray[Any]) -> tuple[NDArray[np.floating], NDArray[np.integer]]:
    """Return probabilities (n, C) and classes (n,) that ONNX's reference implementation gives."""
    from onnx import load_model_from_string
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(load_model_from_string(content))
    # It computes both branches of a sigmoid everywhere, and the branch that is not used may overflow.
    with np.errstate(over="ignore", invalid="ignore"):
        return run_batches(lambda batch: evaluator.run(["probabilities", "classes"], {"images": batch}), images)


def run_batches(
    run: Callable[[NDArray[Any]], Any], images: NDArray[Any]
) -> tuple[NDArray[np.floating], NDArray[np.integer]]:
    """Run images (n, ...) in a runtime batch by batch, and return the results."""
    parts = [run(images[start : start + TEST_BATCH]) for start in range(0, len(images), TEST_BATCH)]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
