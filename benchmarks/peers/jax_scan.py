"""JAX with a whole epoch compiled into one `jit(lax.scan)`: networks one after another, or with `vmap`."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from peers.problem import BETA1, BETA2, EPSILON, Problem


class Peer:
    """Parameters are pairs (weights, bias), one for each layer; the compiled loop gathers the images of a batch."""

    def __init__(self, problem: Problem) -> None:
        os.environ.pop("XLA_FLAGS", None)
        if problem.threads == 1:
            os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        import jax
        import jax.numpy as jnp

        self.jax, self.problem, self.recipe = jax, problem, problem.recipe
        self.x, self.y = jnp.asarray(problem.images), jnp.asarray(problem.labels.astype(np.int32))
        one = self.compile_epoch()
        self.run = jax.jit(jax.vmap(one, (0, None, None, 0)) if problem.vmap else one, donate_argnums=0)
        states = [self.start(number) for number in problem.networks]
        # A list of states that are trained one after another; with vmap, one state whose first axis is the networks.
        self.states = [jax.tree.map(lambda *values: jnp.stack(values), *states)] if problem.vmap else states

    def start(self, number: int) -> Any:
        """Return a network's state: step, parameters, and both moments and the average if they are needed."""
        jnp = self.jax.numpy

        def parameters() -> Any:
            return [(jnp.asarray(W), jnp.zeros(W.shape[1])) for W in self.problem.weights(number)]

        def zeros() -> Any:
            return self.jax.tree.map(jnp.zeros_like, parameters())

        moments = (zeros(), zeros()) if self.recipe.optimizer == "adamw" else ()
        return jnp.zeros((), jnp.float32), parameters(), moments, parameters() if self.recipe.average_decay else ()

    def compile_epoch(self) -> Any:
        """Return a function of state, images, labels and order (steps, B) that returns a state, losses and classes."""
        jax, recipe = self.jax, self.recipe
        jnp = jax.numpy

        def loss_of(parameters: Any, images: Any, labels: Any) -> Any:
            logits = self.forward(parameters, images)
            log_p = jax.nn.log_softmax(logits)
            target = jnp.take_along_axis(log_p, labels[:, None], 1)[:, 0]
            if recipe.label_smoothing:
                target = (1 - recipe.label_smoothing) * target + recipe.label_smoothing * log_p.mean(axis=1)
            return -target.mean(), jnp.argmax(logits, axis=1)

        def sgd(p: Any, g: Any, is_weight: bool) -> Any:
            return p - recipe.learning_rate * (g + recipe.l2 * p if is_weight else g)

        def adamw(p: Any, m: Any, v: Any, is_weight: bool, t: Any) -> Any:
            kept = p * (1 - recipe.learning_rate * recipe.weight_decay) if is_weight else p
            denominator = jnp.sqrt(v / (1 - BETA2**t)) + EPSILON
            return kept - recipe.learning_rate / (1 - BETA1**t) * m / denominator

        def update(state: Any, grads: Any) -> Any:
            t, parameters, moments, average = state
            t = t + 1
            is_weight = [(True, False)] * len(parameters)
            if recipe.optimizer == "sgd":
                parameters = jax.tree.map(sgd, parameters, grads, is_weight)
            else:
                m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, moments[0], grads)
                v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, moments[1], grads)
                parameters = jax.tree.map(lambda *of: adamw(*of, t), parameters, m, v, is_weight)
                moments = (m, v)
            if recipe.average_decay:
                rest = 1 - jnp.minimum(recipe.average_decay, (1 + t) / (10 + t))
                average = jax.tree.map(lambda a, p: a + rest * (p - a), average, parameters)
            return t, parameters, moments, average

        def epoch(state: Any, x: Any, y: Any, order: Any) -> Any:
            def step(state: Any, chosen: Any) -> Any:
                (loss, classes), grads = jax.value_and_grad(loss_of, has_aux=True)(state[1], x[chosen], y[chosen])
                return update(state, grads), (loss, classes)

            return jax.lax.scan(step, state, order)

        return epoch

    def forward(self, parameters: Any, x: Any) -> Any:
        """Return the logits of one network."""
        for W, b in parameters[:-1]:
            z = x @ W + b
            x = self.jax.nn.relu(z) if self.recipe.activation == "relu" else self.jax.nn.gelu(z, approximate=True)
        W, b = parameters[-1]
        return x @ W + b

    def epoch(self, orders: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Train one epoch; losses (N, steps) and predicted classes (N, n)."""
        n = orders.shape[0]
        steps = orders.astype(np.int32).reshape(n, -1, self.problem.batch)
        inputs = [steps] if self.problem.vmap else list(steps)
        results = []
        for i, order in enumerate(inputs):  # the call returns at once, so several networks may run at the same time
            self.states[i], result = self.run(self.states[i], self.x, self.y, order)
            results.append(result)
        losses = [np.asarray(loss) for loss, _ in results]
        predicted = [np.asarray(classes) for _, classes in results]
        self.jax.block_until_ready(self.states)
        return np.stack(losses).reshape(n, -1), np.stack(predicted).reshape(n, -1)

    def logits(self) -> np.ndarray:
        """Return the first network's logits (10000, 10) for the test images, with the averaged parameters if any."""
        _, parameters, _, average = self.states[0]
        evaluated = average if self.recipe.average_decay else parameters
        if self.problem.vmap:
            evaluated = self.jax.tree.map(lambda values: values[0], evaluated)
        return np.asarray(self.forward(evaluated, self.problem.test[0]))

    def about(self) -> dict[str, Any]:
        """Return versions."""
        return {"jax": self.jax.__version__}
