"""JAX with the whole epoch compiled into one `jit(lax.scan)`, and N networks under `vmap`."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from peers.problem import L2, LEARNING_RATE, Problem


class Peer:
    """A pytree of weights and biases; images of a batch are gathered inside the compiled loop."""

    def __init__(self, problem: Problem) -> None:
        if problem.threads == 1:
            os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        import jax
        import jax.numpy as jnp

        self.jax, self.batch = jax, problem.batch
        self.stacked = problem.n_networks > 1
        data = problem.images
        x, y = jnp.asarray(data["x"]), jnp.asarray(data["y"].astype(np.int32))
        self.x_test, self.y_test = jnp.asarray(data["x_test"]), data["y_test"]

        def loss(weights: Any, biases: Any, images: Any, labels: Any) -> Any:
            log_p = jax.nn.log_softmax(self.logits(weights, biases, images))
            return -jnp.take_along_axis(log_p, labels[:, None], 1).mean()

        def update(weights: Any, biases: Any, images: Any, labels: Any) -> Any:
            dW, db = jax.grad(loss, (0, 1))(weights, biases, images, labels)
            weights = [W - LEARNING_RATE * (d + L2 * W) for W, d in zip(weights, dW, strict=True)]
            return weights, [b - LEARNING_RATE * d for b, d in zip(biases, db, strict=True)]

        if self.stacked:
            update = jax.vmap(update, in_axes=(0, 0, None, None))

        @jax.jit
        def run(parameters: Any, order: Any) -> Any:
            def step(parameters: Any, chosen: Any) -> Any:
                return update(*parameters, x[chosen], y[chosen]), None

            return jax.lax.scan(step, parameters, order)[0]

        self.run = run
        networks = [problem.weights(network) for network in range(problem.n_networks)]
        weights = [jnp.asarray(np.stack(own) if self.stacked else own[0]) for own in zip(*networks, strict=True)]
        biases = [jnp.zeros((*W.shape[:-2], W.shape[-1])) for W in weights]
        self.parameters = (weights, biases)

    def logits(self, weights: Any, biases: Any, x: Any) -> Any:
        """Return the logits of one network."""
        for i, (W, b) in enumerate(zip(weights, biases, strict=True)):
            x = x @ W + b
            if i < len(weights) - 1:
                x = self.jax.nn.relu(x)
        return x

    def epoch(self, order: np.ndarray) -> None:
        """Train one epoch."""
        self.parameters = self.run(self.parameters, order.astype(np.int32).reshape(-1, self.batch))
        self.jax.block_until_ready(self.parameters)

    def accuracy(self) -> float:
        """Return the first network's share of right test images."""
        weights, biases = self.parameters
        if self.stacked:
            weights, biases = [W[0] for W in weights], [b[0] for b in biases]
        predicted = np.argmax(np.asarray(self.logits(weights, biases, self.x_test)), axis=1)
        return float(np.mean(predicted == self.y_test))

    def about(self) -> dict[str, Any]:
        """Return versions."""
        return {"jax": self.jax.__version__}
