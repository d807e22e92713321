"""A multi-layer perceptron: layers in a row, forward and backward, alone or N of them in lockstep.

forward    a_0 = x,   z_l = a_(l-1) W_l + b_l,   a_l = f_l(z_l),   logits = the last a
backward   dW_l = a_(l-1)^T dz_l,   db_l = sum over the batch of dz_l,   dz_(l-1) = (dz_l W_l^T) f'(z_(l-1))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from barenet.errors import ConfigError, ShapeError, nearest
from barenet.nn.activations import ACTIVATIONS, ALIASES, Activation
from barenet.nn.initializers import INITIALIZERS
from barenet.nn.layers import ActivationLayer, Dense, Dropout, Layer, Move, Noise
from barenet.nn.losses import Loss, make_loss
from barenet.nn.parameters import Parameters
from barenet.nn.workspace import Workspace

__all__ = ["MLP", "LayerSpec", "find_activation"]

Array = NDArray[np.floating]
Labels = NDArray[np.integer]
if TYPE_CHECKING:  # naming numpy.random would import it
    Seeds = int | np.random.Generator | Sequence[int | np.random.Generator]
Rate = float | NDArray[np.float64]


@dataclass(frozen=True)
class LayerSpec:
    """One row of an architecture: a dense layer and the activation behind it."""

    input_dim: int
    output_dim: int
    activation: Activation

    def as_dict(self) -> dict[str, Any]:
        """Return the row as the files store it."""
        return {
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "activation": self.activation.name,
        }


class MLP:
    """A network, or a stack of `n_networks` networks of the same shape, with parameters in flat buffers.

    Args:
        n_inputs, hidden_sizes, n_classes: widths from the images to the classes.
        activation: name or `Activation` behind every hidden layer.
        output_activation: behind the last layer. "softmax" means that the loss is cross-entropy on probabilities:
            it is fused with that loss, so the network itself ends in logits.
        initializer: a name in `INITIALIZERS`, or None to leave all weights at zero, to be filled in.
        seed: an integer or generator, or N of them for a stack. The same seed gives the same weights in a stack as
            alone.
        fuse_softmax: False to really apply a softmax named on the last layer, for a loss other than cross-entropy.
        n_networks: N, or None for a single network without a leading axis.
        dropout: share of hidden units that training drops at random; a column (N, 1) gives each network its own.
        input_dropout: share of the inputs, likewise.
        dtype: float32, or float64 for gradient checks.

    >>> mlp = MLP(784, (128, 32), 10)
    >>> mlp.forward(np.zeros((16, 784), np.float32)).shape
    (16, 10)
    """

    def __init__(
        self,
        n_inputs: int,
        hidden_sizes: Sequence[int],
        n_classes: int,
        *,
        activation: str | Activation = "relu",
        output_activation: str | Activation = "softmax",
        initializer: str | None = "he",
        seed: Seeds = 0,
        fuse_softmax: bool = True,
        n_networks: int | None = None,
        dropout: Rate = 0.0,
        input_dropout: Rate = 0.0,
        dtype: DTypeLike = np.float32,
    ) -> None:
        widths = [n_inputs, *hidden_sizes, n_classes]
        hidden, last = find_activation(activation), find_activation(output_activation)
        activations = [hidden] * len(hidden_sizes) + [last]
        architecture = [LayerSpec(*row) for row in zip(widths[:-1], widths[1:], activations, strict=True)]
        self._build(architecture, fuse_softmax, n_networks, dtype, dropout=dropout, input_dropout=input_dropout)
        self.initialize(initializer, seed)

    @classmethod
    def from_architecture(
        cls,
        architecture: Iterable[LayerSpec | Mapping[str, Any]],
        *,
        initializer: str | None = "he",
        seed: Seeds = 0,
        fuse_softmax: bool = True,
        n_networks: int | None = None,
        dropout: Rate = 0.0,
        input_dropout: Rate = 0.0,
        dtype: DTypeLike = np.float32,
    ) -> MLP:
        """Build a network from rows of `input_dim`, `output_dim`, `activation`, the course project's format.

        Raises:
            ConfigError: a row is incomplete, layers don't chain, or an activation is unknown.
        """
        mlp = cls.__new__(cls)
        rows = [row if isinstance(row, LayerSpec) else read_row(row) for row in architecture]
        mlp._build(rows, fuse_softmax, n_networks, dtype, dropout=dropout, input_dropout=input_dropout)
        mlp.initialize(initializer, seed)
        return mlp

    def _build(
        self,
        architecture: list[LayerSpec],
        fuse_softmax: bool,
        n_networks: int | None,
        dtype: DTypeLike,
        *,
        dropout: Rate,
        input_dropout: Rate,
    ) -> None:
        check_architecture(architecture)
        self.architecture = architecture
        self.n_inputs = architecture[0].input_dim
        self.n_classes = architecture[-1].output_dim
        self.n_networks = n_networks
        self.dtype = np.dtype(dtype)
        rows = list(enumerate(architecture, start=1))
        self.parameters = Parameters(
            weights={f"W{i}": (row.input_dim, row.output_dim) for i, row in rows},
            biases={f"b{i}": (1, row.output_dim) for i, row in rows},
            n_networks=n_networks,
            dtype=dtype,
        )
        self.layers: list[Layer] = []
        self.noise: Noise = []
        self.renew_noise(range(n_networks or 1) if np.any(dropout) or np.any(input_dropout) else [])
        self._drop(input_dropout, self.n_inputs)
        values, grads = self.parameters.views, self.parameters.grad_views
        for i, row in rows:
            self.layers.append(Dense(values[f"W{i}"], values[f"b{i}"], grads[f"W{i}"], grads[f"b{i}"]))
            fused = fuse_softmax and i == len(rows) and row.activation.name == "softmax"
            if not fused and row.activation.name != "identity":
                self.layers.append(ActivationLayer(row.activation, row.output_dim))
            if i < len(rows):
                self._drop(dropout, row.output_dim)

    def _drop(self, rate: Rate, width: int) -> None:
        """Append a dropout layer, unless no network drops anything."""
        if not np.all((np.asarray(rate) >= 0) & (np.asarray(rate) < 1)):
            raise ConfigError(f"dropout must be a share from 0 to below 1, got {rate}")
        if np.any(rate):
            self.layers.append(Dropout(rate, self.parameters.lead, width, self.noise))

    def renew_noise(self, seeds: Iterable[int | np.random.Generator]) -> None:
        """Let each network draw from a generator of its own from now on what its dropout layers drop."""
        self.noise[:] = [np.random.default_rng(seed) for seed in seeds]

    def initialize(self, initializer: str | None, seed: Seeds) -> None:
        """Draw all weights anew, each network from its own generator, and set all biases to zero."""
        if initializer is None:
            return
        if initializer not in INITIALIZERS:
            raise ConfigError(f"unknown initializer {initializer!r}; {nearest(initializer, INITIALIZERS)}")
        seeds = list(seed) if isinstance(seed, Sequence | np.ndarray) else [seed] * (self.n_networks or 1)
        if len(seeds) != (self.n_networks or 1):
            raise ShapeError(f"{len(seeds)} seeds for {self.n_networks or 1} networks; give one each")
        self.parameters.values[...] = 0
        for network, own_seed in enumerate(seeds):
            rng = np.random.default_rng(own_seed)
            for name, view in self.parameters.views.items():
                if name.startswith("W"):
                    INITIALIZERS[initializer](view if self.n_networks is None else view[network], rng)

    def forward(self, x: Array, workspace: Workspace | None = None, *, training: bool = False) -> Array:
        """Return the logits (..., B, C) of images `x`, (B, D) shared by the stack or (N, B, D).

        With a workspace they lie in its memory and hold until its next forward pass; without, all is new.
        """
        slots = (workspace or Workspace(self, x.shape[-2])).slots(x)
        y = x
        for layer, slot in zip(self.layers, slots, strict=True):
            slot.x = y
            layer.forward(slot, training)
            y = slot.y
        return y

    def backward(self, workspace: Workspace, move: Move | None = None, following: Array | None = None) -> None:
        """Overwrite `parameters.grads` from `workspace.dlogits`, once after each forward pass.

        Activations are scratch space by then: a second backward pass needs another forward pass. With `move`, weights
        move layer by layer on the way down, and only the biases' gradients are kept; `following` are then the images of
        the next forward pass, if they are known, whose first product is taken on the spot.
        """
        dy: Array | None = workspace.dlogits
        for layer, slot in zip(reversed(self.layers), reversed(workspace.current), strict=True):
            if dy is None:  # nothing but dropout of the images is left
                break
            if move is not None and isinstance(layer, Dense):
                layer.backward_and_move(slot, dy, move, following if layer is self.layers[0] else None)
            else:
                layer.backward(slot, dy)
            dy = slot.dx

    def loss_and_gradients(
        self, x: Array, labels: Labels, loss: str | Loss = "cross_entropy"
    ) -> tuple[Array, dict[str, Array]]:
        """Return the mean loss, shape (...), and the gradient of each parameter by name, for a lecture."""
        loss = make_loss(loss) if isinstance(loss, str) else loss
        check_labels(labels, self.n_classes)
        workspace = Workspace(self, x.shape[-2])
        logits = self.forward(x, workspace, training=True)
        value = loss(logits, labels, dlogits=workspace.dlogits)
        self.backward(workspace)
        return value, {name: view.copy() for name, view in self.parameters.grad_views.items()}


def check_labels(labels: Labels, n_classes: int) -> None:
    """Raise ShapeError unless all labels are classes; inside the hot loop nobody asks again."""
    if np.size(labels) and not 0 <= np.min(labels) <= np.max(labels) < n_classes:
        raise ShapeError(f"labels must be from 0 to {n_classes - 1}, got {np.min(labels)} to {np.max(labels)}")


def find_activation(activation: str | Activation) -> Activation:
    """Return the activation of that name, or an `Activation` as it is."""
    if isinstance(activation, Activation):
        return activation
    name = ALIASES.get(str(activation), str(activation))
    if name not in ACTIVATIONS:
        raise ConfigError(f"unknown activation {activation!r}; {nearest(name, ACTIVATIONS)}")
    return ACTIVATIONS[name]


def read_row(row: Mapping[str, Any]) -> LayerSpec:
    """Return one row of an architecture, checked for its keys."""
    expected = {"input_dim", "output_dim", "activation"}
    if set(row) != expected:
        raise ConfigError(
            f"a layer needs exactly {', '.join(sorted(expected))}, got {', '.join(map(str, row)) or 'none'}"
        )
    return LayerSpec(row["input_dim"], row["output_dim"], find_activation(row["activation"]))


def check_architecture(architecture: list[LayerSpec]) -> None:
    """Raise ConfigError unless every width is a positive integer and each layer takes what the one before gives."""
    if not architecture:
        raise ConfigError("an architecture needs at least one layer, got none")
    for i, row in enumerate(architecture):
        for name in ("input_dim", "output_dim"):
            width = getattr(row, name)
            if not isinstance(width, int | np.integer) or isinstance(width, bool) or width < 1:
                raise ConfigError(f"layer {i + 1}: {name} must be a positive integer, got {width!r}")
        if i and row.input_dim != architecture[i - 1].output_dim:
            raise ConfigError(
                f"layers must chain: layer {i} gives {architecture[i - 1].output_dim} values, "
                f"layer {i + 1} expects {row.input_dim}"
            )
