"""Wrong ways of back-propagation, if the network is known: each with the gradients that it gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from barenet.errors import ShapeError
from barenet.gradcheck.mistakes.evidence import Evidence
from barenet.gradcheck.mistakes.losses import wrong_outputs
from barenet.gradcheck.mistakes.reference import Reference, Variation

Array = NDArray[np.float64]
Ways = Iterator[tuple[list[str], Variation]]

__all__ = ["wrong_gradients"]


def wrong_gradients(evidence: Evidence) -> Iterator[tuple[list[str], list[Array]]]:
    """Yield kinds of mistakes in back-propagation with the gradients that each gives, if the network is known."""
    network = evidence.network
    if network is None or evidence.x is None or evidence.targets is None:
        return
    n_layers = len(network.layout.weights)
    logits = network.logits(evidence.values, evidence.x)
    outputs = [*wrong_outputs(network.loss, network.scale, logits, evidence.targets)]
    ways = [
        *wrong_slopes(n_layers, network.activations),
        *wrong_weights(n_layers),
        *wrong_inputs(n_layers),
        *wrong_errors(n_layers, outputs),
        *early_updates(evidence, network),
    ]
    if network.layout.biases and evidence.n_images in {w.shape[1] for w in network.layout.read(evidence.values)[0]}:
        ways.append((["bias_over_units"], Variation(biases_over_units=True)))
    everything = [([kind], Variation(dz=dz)) for kind, dz in outputs] + ways
    everything += [([*kinds, kind], replace(way, dz=dz)) for kinds, way in ways for kind, dz in outputs]
    for kinds, how in everything:
        with suppress(ShapeError):  # with these shapes the mistake would be an error
            gradients = network.gradients(evidence.values, evidence.x, evidence.targets, how)
            # A probability of 0 can make a wrong gradient infinite; the code returns finite ones.
            if all(np.all(np.isfinite(gradient)) for gradient in gradients):
                yield kinds, gradients


def wrong_slopes(n_layers: int, activations: Sequence[str]) -> Ways:
    """Yield variations in which an activation's derivative is missing or taken in the wrong place."""
    hidden = range(1, n_layers)
    for layer in hidden:
        yield [f"slope_missing:{layer}"], Variation(slopes={layer: None})
        yield [f"slope_at_a:{layer}"], Variation(slopes={layer: ("a", layer)})
        yield [f"formula_at_z:{layer}"], Variation(slopes={layer: ("formula", layer)})
        for m in range(n_layers + 1):
            if m != layer:
                yield [f"slope_elsewhere:{layer}:{m}"], Variation(slopes={layer: ("z", m)})
    if n_layers > 2:
        yield ["slope_missing:all"], Variation(slopes=dict.fromkeys(hidden))
        yield ["slope_at_a:all"], Variation(slopes={layer: ("a", layer) for layer in hidden})
        yield ["formula_at_z:all"], Variation(slopes={layer: ("formula", layer) for layer in hidden})
        for shift in (-1, 1):
            yield (
                [f"slope_elsewhere:all:{shift:+d}"],
                Variation(slopes={layer: ("z", layer + shift) for layer in hidden}),
            )
    if n_layers > 1:
        yield [f"slope_elsewhere:{n_layers}:{n_layers}"], Variation(slopes={n_layers: ("z", n_layers)})
        late = Variation(slopes={n_layers: ("z", n_layers), 1: None})
        yield ["slope_elsewhere:late"], late


def wrong_weights(n_layers: int) -> Ways:
    """Yield variations in which the error is multiplied by a weight matrix instead of its transpose."""
    for layer in range(2, n_layers + 1):
        yield [f"transposed_weight:{layer}"], Variation(untransposed=frozenset([layer]))
    if n_layers > 2:
        yield ["transposed_weight:all"], Variation(untransposed=frozenset(range(2, n_layers + 1)))


def wrong_inputs(n_layers: int) -> Ways:
    """Yield variations in which a weight's gradient is z.T @ dz instead of a.T @ dz."""
    for layer in range(2, n_layers + 1):
        yield [f"z_for_a:{layer}"], Variation(inputs_z=frozenset([layer]))
    if n_layers > 2:
        yield ["z_for_a:all"], Variation(inputs_z=frozenset(range(2, n_layers + 1)))


def wrong_errors(n_layers: int, outputs: Sequence[tuple[str, Array]]) -> Ways:
    """Yield variations in which dW has an activation's derivative, and the error that goes back has not."""
    da = next((wrong for kind, wrong in outputs if kind == "output_slope_missing"), None)
    layers = range(2, n_layers + (da is not None))
    for layer in layers:
        yield [f"error_without_slope:{layer}"], Variation(errors=frozenset([layer]), da=da)
    if len(layers) > 1:
        yield ["error_without_slope:all"], Variation(errors=frozenset(layers), da=da)


def early_updates(evidence: Evidence, network: Reference) -> Ways:
    """Yield the variation in which weights are updated before the error goes back through them.

    The error goes through W - rate * dW with the reported dW. The rate follows from the layer below the last, whose
    gradient depends on it linearly.
    """
    n_layers = len(network.layout.weights)
    if n_layers < 2 or evidence.x is None or evidence.targets is None:
        return
    weights, _ = network.layout.read(evidence.values)
    steps, _ = network.layout.read(evidence.reported)

    def moved(rate: float, layers: Sequence[int]) -> Variation:
        return Variation(weights={layer: weights[layer - 1] - rate * steps[layer - 1] for layer in layers})

    which = network.layout.weights[n_layers - 2]
    at_zero, at_one = (
        network.gradients(evidence.values, evidence.x, evidence.targets, moved(rate, [n_layers]))[which]
        for rate in (0.0, 1.0)
    )
    direction = at_one - at_zero
    size = float(np.vdot(direction, direction))
    rate = float(np.vdot(direction, evidence.reported[which] - evidence.l2_of(which) - at_zero)) / size if size else 0.0
    if rate > 0:
        yield ["updated_too_early"], moved(rate, range(2, n_layers + 1))
