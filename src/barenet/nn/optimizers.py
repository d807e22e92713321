"""From gradients to new weights, in order of complexity: SGD, Adam, AdamW.

An optimizer works on flat buffers (..., P). Its hyper-parameters are float64 numbers, or columns (N, 1) that give each
network of a stack its own; they are combined in float64 and cast once to the buffers' dtype, so that a network gets
the same bits in a stack as alone. What it remembers, `slots` and `n_steps`, is part of a run's saved state.

L2 joins the gradient first, g += l2 w; then g is clipped by its norm; then the learning rule sees it. Decoupled weight
decay (AdamW) goes past all that, straight to the weights.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from barenet.nn import hyperparameters as declared
from barenet.nn.parameters import block_scratch, blocks
from barenet.reproducible import power

__all__ = ["OPTIMIZERS", "SGD", "Adam", "AdamW", "Optimizer", "add_l2", "clip_by_norm", "without_decay"]

Array = NDArray[np.floating]
Hyper = float | NDArray[np.floating]
Factors = dict[str, Array]  # by name, (..., 1) like the learning rate
Slots = dict[str, Array]
DECAY = "decay"  # the factor that weights are multiplied with, and biases are not


class Optimizer(ABC):
    """Base of all learning rules.

    Args:
        values: (..., P) parameters, updated in place by `step`; their dtype is the optimizer's.
        n_decayed: how many of the P, from the front, are weights; L2 and weight decay leave the rest alone.
        l2: strength of (l2 / 2) * sum(W**2) in the objective; not divided by the batch.
        clip_norm: largest norm of a network's gradient; infinite for no clipping.

    `hypers` declares all hyper-parameters of a rule; `slot_names` names the buffers that it keeps; `usual_rate` is a
    learning rate to start from.
    Every operation of a rule works element by element. So `move` may be called with all parameters at once, as `step`
    does, or with some of them at a time, and gives the same bits.
    """

    hypers: tuple[declared.HyperParameter, ...] = (declared.L2, declared.CLIP_NORM)
    usual_rate: float = 0.1
    slot_names: tuple[str, ...] = ()

    def __init__(self, values: Array, n_decayed: int, *, l2: Hyper = 0.0, clip_norm: Hyper = np.inf) -> None:
        self.values = values
        self.n_decayed = n_decayed
        self.l2 = l2
        self.clip_norm = clip_norm
        self.has_l2 = bool(np.any(l2))
        self.clips = bool(np.any(np.isfinite(clip_norm)))
        self.n_steps = 0
        self.slots = {name: np.zeros_like(values) for name in self.slot_names}
        self._scratch = block_scratch(values)

    def step(self, grads: Array, learning_rate: Hyper) -> None:
        """Move the values (..., P) one step against `grads` (..., P), which are used up as scratch."""
        self.n_steps += 1
        factors = self.factors(learning_rate, self.n_steps)
        weights = slice(0, self.n_decayed)
        if self.has_l2:
            add_l2(grads[..., weights], self.values[..., weights], factors["l2"], self._scratch)
        if self.clips:
            clip_by_norm(grads, self.clip_norm)
        for part, own in ((weights, factors), (slice(self.n_decayed, None), without_decay(factors))):
            slots = {name: slot[..., part] for name, slot in self.slots.items()}
            self.move(self.values[..., part], grads[..., part], slots, own, self._scratch)

    def factors(self, learning_rate: Hyper, step: int | NDArray[np.int64]) -> Factors:
        """Return by name what `move` multiplies with in step number `step`, counted from 1, cast once.

        Shapes broadcast: rates (S, N, 1) with steps (S, 1, 1) give the factors of S steps at once.
        """
        combined = self.combine(np.asarray(learning_rate, np.float64), np.asarray(step))
        return {name: np.asarray(value, self.values.dtype) for name, value in combined.items()}

    def combine(self, rate: NDArray[np.float64], step: NDArray[np.int64]) -> dict[str, Hyper]:
        """Return the factors in float64; each rule adds its own."""
        return {"rate": rate, "l2": self.l2}

    def move(self, w: Array, g: Array, slots: Slots, factors: Factors, scratch: Array) -> None:
        """Apply the learning rule to some parameters `w` (..., K) and what belongs to them, a block at a time.

        g: their gradient, which L2 and clipping have already seen; it is used up. slots: by name. scratch: (..., J),
        J being the size of a block. factors: those of `factors`, for biases `without_decay`.
        """
        for block, own_scratch in blocks(w.shape[-1], scratch):
            own = {name: slot[..., block] for name, slot in slots.items()}
            self.update(w[..., block], g[..., block], own, factors, own_scratch)

    @abstractmethod
    def update(self, w: Array, g: Array, slots: Slots, factors: Factors, scratch: Array) -> None:
        """Apply the learning rule to one block; `scratch` has its shape."""


def without_decay(factors: Factors) -> Factors:
    """Return the factors for biases, which do not decay."""
    return {name: factor for name, factor in factors.items() if name != DECAY}


def add_l2(grads: Array, weights: Array, l2: Hyper, scratch: Array | None = None) -> None:
    """Add the gradient of (l2 / 2) * sum(W**2), in place: g += l2 w."""
    l2 = np.asarray(l2, weights.dtype)
    for block, scaled in blocks(weights.shape[-1], block_scratch(weights) if scratch is None else scratch):
        np.multiply(weights[..., block], l2, out=scaled)
        grads[..., block] += scaled


def clip_by_norm(grads: Array, clip_norm: Hyper, norms: Array | None = None) -> Array:
    """Scale each network's gradient down to `clip_norm` if its Euclidean norm is larger; return the norms (..., 1).

    `norms` are computed where they are not known. (Pascanu et al. 2013, algorithm 1.)
    """
    if norms is None:
        norms = np.asarray(np.sqrt(np.vecdot(grads, grads))[..., None])
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.minimum(1.0, np.asarray(clip_norm, np.float64) / norms)
    # Without clipping inf / norm is inf and the scale exactly 1; a norm of 0 or NaN leaves the gradient as it is.
    grads *= np.where(np.isfinite(scale), scale, 1.0).astype(grads.dtype)
    return norms


class SGD(Optimizer):
    """Stochastic gradient descent: w -= lr g; with momentum, v = momentum v + g and w -= lr v.

    Nesterov's momentum (Sutskever et al. 2013) takes w -= lr (g + momentum v).
    """

    hypers = (*Optimizer.hypers, declared.MOMENTUM, declared.NESTEROV)
    slot_names: tuple[str, ...] = ("velocity",)

    def __init__(
        self,
        values: Array,
        n_decayed: int,
        *,
        momentum: Hyper = 0.0,
        nesterov: bool = False,
        l2: Hyper = 0.0,
        clip_norm: Hyper = np.inf,
    ) -> None:
        if not np.any(momentum):
            self.slot_names = ()
        super().__init__(values, n_decayed, l2=l2, clip_norm=clip_norm)
        self.momentum = momentum
        self.nesterov = nesterov

    def combine(self, rate: NDArray[np.float64], step: NDArray[np.int64]) -> dict[str, Hyper]:
        """Add the momentum."""
        return {**super().combine(rate, step), "momentum": self.momentum}

    def update(self, w: Array, g: Array, slots: Slots, factors: Factors, scratch: Array) -> None:
        """Apply momentum, if there is any, and go downhill."""
        if "velocity" in slots:
            v = slots["velocity"]
            np.multiply(v, factors["momentum"], out=v)
            np.add(v, g, out=v)
            if self.nesterov:
                np.add(g, np.multiply(v, factors["momentum"], out=scratch), out=g)
            else:
                g = v
        np.subtract(w, np.multiply(g, factors["rate"], out=scratch), out=w)


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015, algorithm 1), with L2 in the gradient.

    The paper's m = b1 m + (1 - b1) g and v = b2 v + (1 - b2) g^2 are kept here without the factors (1 - b1) and
    (1 - b2), m = b1 m + g and v = b2 v + g^2: two passes over the gradient fewer. The factors join the corrections for
    the start from zero, and w -= lr m' / (sqrt(v') + epsilon) with
    m' = m (1 - b1) / (1 - b1^t) and v' = v (1 - b2) / (1 - b2^t).
    """

    hypers = (*Optimizer.hypers, declared.BETA1, declared.BETA2, declared.EPSILON)
    usual_rate = 0.001
    slot_names = ("first_moment", "second_moment")

    def __init__(
        self,
        values: Array,
        n_decayed: int,
        *,
        beta1: Hyper = 0.9,
        beta2: Hyper = 0.999,
        epsilon: Hyper = 1e-8,
        l2: Hyper = 0.0,
        clip_norm: Hyper = np.inf,
    ) -> None:
        super().__init__(values, n_decayed, l2=l2, clip_norm=clip_norm)
        self.beta1, self.beta2, self.epsilon = (np.asarray(h, np.float64) for h in (beta1, beta2, epsilon))

    def combine(self, rate: NDArray[np.float64], step: NDArray[np.int64]) -> dict[str, Hyper]:
        """Add both betas, epsilon, and the corrections of step number t."""
        # `power` and not `**`, so that the factors have the same bits on every processor.
        # With c = sqrt((1 - b2) / (1 - b2^t)): lr m' / (sqrt(v') + e) = (lr m' / c) / (sqrt(v) + e / c).
        correction = np.sqrt((1 - self.beta2) / (1 - power(self.beta2, step)))
        return {
            **super().combine(rate, step),
            "rate": rate * (1 - self.beta1) / (1 - power(self.beta1, step)) / correction,
            "epsilon": self.epsilon / correction,
            "beta1": self.beta1,
            "beta2": self.beta2,
        }

    def update(self, w: Array, g: Array, slots: Slots, factors: Factors, scratch: Array) -> None:
        """Update both moments and move against m' / (sqrt(v') + epsilon)."""
        m, v = slots["first_moment"], slots["second_moment"]
        np.multiply(m, factors["beta1"], out=m)
        np.add(m, g, out=m)
        np.multiply(v, factors["beta2"], out=v)
        np.multiply(g, g, out=g)
        np.add(v, g, out=v)
        np.sqrt(v, out=scratch)
        np.add(scratch, factors["epsilon"], out=scratch)
        np.divide(m, scratch, out=scratch)
        np.subtract(w, np.multiply(scratch, factors["rate"], out=scratch), out=w)


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019): w -= lr weight_decay w, for weights only."""

    hypers = (*Adam.hypers, declared.WEIGHT_DECAY)

    def __init__(self, values: Array, n_decayed: int, *, weight_decay: Hyper = 0.0, **adam: Hyper) -> None:
        super().__init__(values, n_decayed, **adam)
        self.weight_decay = weight_decay
        self.decays = bool(np.any(weight_decay))

    def combine(self, rate: NDArray[np.float64], step: NDArray[np.int64]) -> dict[str, Hyper]:
        """Add what is left of a weight."""
        keep = {DECAY: 1 - rate * np.asarray(self.weight_decay)} if self.decays else {}
        return {**super().combine(rate, step), **keep}

    def update(self, w: Array, g: Array, slots: Slots, factors: Factors, scratch: Array) -> None:
        """Shrink the weights, then step as Adam does."""
        if DECAY in factors:
            np.multiply(w, factors[DECAY], out=w)
        super().update(w, g, slots, factors, scratch)


OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}
