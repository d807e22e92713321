"""The lower limit: only the matrix products of a training step, uncut, with the same BLAS, on existing arrays."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from peers.problem import Problem


class Peer:
    """Computes y = x W, dW = x^T dy and dx = dy W^T for each layer, and nothing else; networks one after another."""

    def __init__(self, problem: Problem) -> None:
        self.limits = threadpool_limits(problem.threads)
        self.n_steps = problem.n_steps
        batch = problem.batch
        rng = np.random.default_rng(0)
        self.W = [problem.weights(number) for number in problem.networks]
        self.dW = [np.empty_like(W) for W in self.W[0]]
        self.x = [rng.random((batch, 784), np.float32)]
        self.x += [np.abs(rng.normal(size=(batch, width))).astype(np.float32) for width in problem.widths[1:]]
        self.dy = [rng.normal(size=y.shape).astype(np.float32) for y in self.x]

    def epoch(self, orders: np.ndarray) -> tuple[None, None]:
        """Compute the products of all steps of an epoch."""
        for W in self.W:
            layers = range(len(W))
            for _ in range(self.n_steps):
                for i in layers:
                    np.matmul(self.x[i], W[i], out=self.x[i + 1])
                for i in reversed(layers):
                    np.matmul(self.x[i].T, self.dy[i + 1], out=self.dW[i])
                    if i:
                        np.matmul(self.dy[i + 1], W[i].T, out=self.dy[i])
        return None, None

    def logits(self) -> None:
        """Return None: nothing is learnt."""

    def about(self) -> dict[str, Any]:
        """Return the peak of BLAS, in GFLOP/s, for a product of 2048 x 2048 matrices."""
        a = np.ones((2048, 2048), np.float32)
        out = np.empty_like(a)
        seconds = []
        for _ in range(7):
            started = time.perf_counter()
            np.matmul(a, a, out=out)
            seconds.append(time.perf_counter() - started)
        return {"peak_gflops": 2 * 2048**3 / min(seconds) / 1e9}
