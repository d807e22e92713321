"""A multi-layer perceptron: a list of layers, forward and backward, for one network or a stack of N.

forward    a_0 = x,   z_l = a_(l-1) W_l + b_l,   a_l = f_l(z_l),   logits = the last a
backward   dW_l = a_(l-1)^T dz_l,   db_l = sum over the batch of dz_l,   dz_(l-1) = (dz_l W_l^T) f'(z_(l-1))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack

import numpy as np
from numpy.typing import DTypeLike, NDArray

from barenet.errors import ConfigError, ShapeError, nearest
from barenet.nn.activations import Activation
from barenet.nn.architecture import Architecture, LayerSpec, each_layer
from barenet.nn.initializers import INITIALIZERS
from barenet.nn.layers import ActivationLayer, BatchNorm, Dense, Dropout, Layer, LayerNorm, ResidualStart, ResidualSum
from barenet.nn.layers.tracing import trace
from barenet.nn.losses import Loss, check_labels, make_loss
from barenet.nn.noise import Noise
from barenet.nn.parameters import Parameters
from barenet.nn.workspace import Workspace

__all__ = ["MLP"]

Array = NDArray[np.floating]
Labels = NDArray[np.integer]
if TYPE_CHECKING:  # naming numpy.random would import it
    Seeds = int | np.random.Generator | Sequence[int | np.random.Generator]
Rate = float | NDArray[np.float64]


# Layers that need to know only their width.
WIDTH_ALONE = {layer.kind: layer for layer in (LayerNorm, ResidualStart, ResidualSum)}


class Options(TypedDict, total=False):
    """Keywords of a network besides its architecture; `MLP` explains them, `MLP._build` has the defaults."""

    initializer: str | None
    seed: Seeds
    loss: str | Loss
    n_networks: int | None
    dropout: Rate
    input_dropout: Rate
    dtype: DTypeLike


class MLP:
    """A network, or a stack of `n_networks` networks of the same shape, with parameters in flat buffers.

    Args:
        n_inputs, hidden_sizes, n_classes: widths from the images to the classes.
        activation: name or `Activation` after every hidden layer, or one for each of them.
        output_activation: after the last layer.
        normalization: between every hidden layer and its activation, "none", "layer" or "batch". With "batch" a forward
            pass in training normalises; in evaluation weights hold the running statistics, see `nn.layers.folding`.
        residual: whether each hidden layer with as many inputs as outputs adds its input to its output.
        initializer: a name in `INITIALIZERS`, "he" by default, or None to leave all weights at zero.
        seed: an integer or generator, 0 by default, or N of them for a stack. The same seed gives the same weights in a
            stack as alone.
        loss: the loss of training, "cross_entropy" by default. Cross-entropy includes the softmax of the last layer, so
            the network ends in logits; with another loss the network applies the softmax.
        n_networks: N, or None, the default, for a single network without a leading axis.
        dropout: share of hidden units that training drops at random, 0 by default; a column (N, 1) has one for each
            network. `noise.seeds` decides which units each network drops; set `noise.step` before each step.
        input_dropout: the same for the inputs.
        dtype: float32 by default, or float64 for gradient checks.

    >>> mlp = MLP(784, (128, 32), 10)
    >>> mlp.forward(np.zeros((16, 784), np.float32)).shape
    (16, 10)
    """

    dense: type[Dense] = Dense

    def __init__(
        self,
        n_inputs: int,
        hidden_sizes: Sequence[int],
        n_classes: int,
        *,
        activation: str | Activation | Sequence[str | Activation] = "relu",
        output_activation: str | Activation = "softmax",
        normalization: str = "none",
        residual: bool = False,
        **options: Unpack[Options],
    ) -> None:
        activations = [*each_layer(activation, len(hidden_sizes)), output_activation]
        sizes = [n_inputs, *hidden_sizes, n_classes]
        rows = Architecture.from_sizes(sizes, activations, normalization=normalization, residual=residual)
        self._build(rows, **options)

    @classmethod
    def from_architecture(
        cls, architecture: Architecture | Iterable[LayerSpec | Mapping[str, Any]], **options: Unpack[Options]
    ) -> Self:
        """Build a network from its description, or from rows of `input_dim`, `output_dim`, `activation`.

        `options` are those of the class from `initializer` on.

        Raises:
            ConfigError: a row is incomplete, layers do not fit one another, or an activation is unknown.
        """
        mlp = cls.__new__(cls)
        if not isinstance(architecture, Architecture):
            architecture = Architecture.from_rows(architecture)
        mlp._build(architecture, **options)
        return mlp

    def _build(
        self,
        architecture: Architecture,
        *,
        initializer: str | None = "he",
        seed: Seeds = 0,
        loss: str | Loss = "cross_entropy",
        n_networks: int | None = None,
        dropout: Rate = 0.0,
        input_dropout: Rate = 0.0,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.architecture = architecture
        self.loss = make_loss(loss) if isinstance(loss, str) else loss
        self.n_inputs, self.n_classes = architecture.n_inputs, architecture.n_classes
        self.n_networks = n_networks
        self.dtype = np.dtype(dtype)
        self.parameters = Parameters(architecture.weights, architecture.biases, n_networks, dtype)
        self.layers: list[Layer] = []
        self.noise = Noise(range(n_networks or 1))
        self._drop(input_dropout, self.n_inputs, 0)
        for i, kinds in enumerate(architecture.kinds(self.loss)):
            self.layers += [self._make_layer(kind, i) for kind in kinds]
            if i + 1 < len(architecture.rows):
                self._drop(dropout, architecture.rows[i].output_dim, i + 1)
        self.initialize(initializer, seed)

    def _make_layer(self, kind: str, i: int) -> Layer:
        """Return a layer of row `i`; each kind in `Architecture.kinds` has its branch here."""
        row = self.architecture.rows[i]
        values, grads = self.parameters.views, self.parameters.grad_views
        (W, b), (dW, db) = ((views[f"W{i + 1}"], views[f"b{i + 1}"]) for views in (values, grads))
        if kind == "dense":
            return self.dense(W, b, dW, db, adds_bias=row.normalization != "batch")
        if kind == "batch_norm":
            return BatchNorm(b, db)
        if kind == "activation":
            return ActivationLayer(row.activation, row.output_dim)
        if kind in WIDTH_ALONE:
            return WIDTH_ALONE[kind](row.output_dim)
        raise NotImplementedError(f"no layer of kind {kind!r} can be made")

    def _drop(self, rate: Rate, width: int, number: int) -> None:
        """Append the dropout layer with this number, unless no network drops anything."""
        if not np.all((np.asarray(rate) >= 0) & (np.asarray(rate) < 1)):
            raise ConfigError(f"dropout must be a share from 0 to below 1, got {rate}")
        if np.any(rate):
            self.layers.append(Dropout(rate, self.parameters.lead, width, self.noise, number))

    def initialize(self, initializer: str | None, seed: Seeds) -> None:
        """Draw all weights again, each network from its generator, and set all biases to zero."""
        if initializer is None:
            return
        if initializer not in INITIALIZERS:
            raise ConfigError(f"unknown initializer {initializer!r}; {nearest(initializer, INITIALIZERS)}")
        seeds = list(seed) if isinstance(seed, Sequence | np.ndarray) else [seed] * (self.n_networks or 1)
        if len(seeds) != (self.n_networks or 1):
            raise ShapeError(f"{len(seeds)} seeds for {self.n_networks or 1} networks; give one each")
        self.parameters.values[...] = 0
        for network, network_seed in enumerate(seeds):
            rng = np.random.default_rng(network_seed)
            for name, view in self.parameters.views.items():
                if name.startswith("W"):
                    INITIALIZERS[initializer](view if self.n_networks is None else view[network], rng)

    def forward(self, x: Array, workspace: Workspace | None = None, *, training: bool = False) -> Array:
        """Return the logits (..., B, C) of images `x`, (B, D) shared by the stack or (N, B, D).

        With a workspace they are in its memory, and valid until its next forward pass; without one, arrays are new.
        """
        slots = (workspace or Workspace(self, x.shape[-2])).slots(x)
        y = x
        for layer, slot in zip(self.layers, slots, strict=True):
            slot.x = y
            layer.forward(slot, training)
            y = slot.y
        return y

    def backward(self, workspace: Workspace) -> None:
        """Overwrite `parameters.grads` from `workspace.dlogits`, once after each forward pass.

        It overwrites the inputs of activations: a second backward pass needs another forward pass.
        """
        dy: Array | None = workspace.dlogits
        for layer, slot in zip(reversed(self.layers), reversed(workspace.current), strict=True):
            if dy is None:  # only dropout of the images remains
                break
            layer.backward(slot, dy)
            dy = slot.dx

    def trace(self, x: Array, start: int = 0) -> list[tuple[Array, Array]]:
        """Return (z, a) of each row of the architecture, in new arrays; z is the input of its activation.

        x: images (B, D), or the inputs of row number `start`, counted from 0; then the rows from there on are computed.
        The last a is the network's output: if the loss includes the softmax, that is z.
        """
        return trace(self.layers, x, start)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.architecture})"

    def copy(self, dtype: DTypeLike | None = None) -> Self:
        """Return the network for evaluation, without dropout, with a copy of its parameters in `dtype`."""
        copied = self.from_architecture(
            self.architecture,
            initializer=None,
            loss=self.loss,
            n_networks=self.n_networks,
            dtype=dtype or self.dtype,
        )
        copied.parameters.values[...] = self.parameters.values
        return copied

    @property
    def ends_in_logits(self) -> bool:
        """Whether the outputs are logits, not probabilities."""
        return self.architecture.ends_in_logits(self.loss)

    def loss_and_gradients(
        self, x: Array, labels: Labels, loss: str | Loss = "cross_entropy"
    ) -> tuple[Array, dict[str, Array]]:
        """Return the mean loss, shape (...), and the gradient of each parameter by name, as for a lecture."""
        loss = make_loss(loss) if isinstance(loss, str) else loss
        check_labels(labels, self.n_classes)
        workspace = Workspace(self, x.shape[-2])
        logits = self.forward(x, workspace, training=True)
        value = loss(logits, labels, dlogits=workspace.dlogits)
        self.backward(workspace)
        return value, {name: view.copy() for name, view in self.parameters.grad_views.items()}
