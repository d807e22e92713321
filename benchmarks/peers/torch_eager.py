"""PyTorch in eager mode in its best form: tensors without a loader, fused optimizers, the average in one call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from peers.one_by_one import OneByOne
from peers.problem import BETA1, BETA2, EPSILON, Problem


class Network:
    """Sequential of Linear and ReLU or GELU, cross_entropy, SGD or AdamW with fused=True; only weights decay."""

    def __init__(self, problem: Problem, number: int) -> None:
        self.batch, self.recipe = problem.batch, problem.recipe
        self.x, self.y = torch.from_numpy(problem.images), torch.from_numpy(problem.labels)
        layers: list[torch.nn.Module] = []
        for weights in problem.weights(number):
            linear = torch.nn.Linear(*weights.shape)
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(weights.T.copy()))
                linear.bias.zero_()
            layers += [linear, torch.nn.ReLU() if self.recipe.activation == "relu" else torch.nn.GELU("tanh")]
        self.model = torch.nn.Sequential(*layers[:-1])
        linears = layers[::2]
        decay = self.recipe.l2 if self.recipe.optimizer == "sgd" else self.recipe.weight_decay
        groups = [
            {"params": [linear.weight for linear in linears], "weight_decay": decay},
            {"params": [linear.bias for linear in linears], "weight_decay": 0.0},
        ]
        if self.recipe.optimizer == "sgd":
            self.optimizer: torch.optim.Optimizer = torch.optim.SGD(groups, lr=self.recipe.learning_rate, fused=True)
        else:
            self.optimizer = torch.optim.AdamW(
                groups, lr=self.recipe.learning_rate, betas=(BETA1, BETA2), eps=EPSILON, fused=True
            )
        self.parameters = [parameter.detach() for parameter in self.model.parameters()]  # views of the same memory
        self.average = [parameter.clone() for parameter in self.parameters]
        self.n_steps = 0

    def batches(self, order: np.ndarray) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield images and labels."""
        for chosen in torch.from_numpy(order).split(self.batch):
            yield self.x.index_select(0, chosen), self.y.index_select(0, chosen)

    def epoch(self, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Train one epoch; losses and logits are kept as tensors, and read once at the end."""
        losses, logits = [], []
        for x, y in self.batches(order):
            loss, outputs = self.step(x, y)
            losses.append(loss)
            logits.append(outputs)
        return torch.stack(losses).numpy(), torch.cat(logits).argmax(1).numpy()

    def step(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Take one step; return the loss before it and the logits."""
        self.optimizer.zero_grad(set_to_none=True)
        logits = self.model(x)
        loss = F.cross_entropy(logits, y, label_smoothing=self.recipe.label_smoothing)
        loss.backward()
        self.optimizer.step()
        self.n_steps += 1
        if self.recipe.average_decay:
            torch._foreach_lerp_(self.average, self.parameters, self.recipe.average_rest(self.n_steps))
        return loss.detach(), logits.detach()

    def logits(self, x: np.ndarray) -> np.ndarray:
        """Return the logits of images (n, 784), with averaged parameters if there are any."""
        values = self.average if self.recipe.average_decay else self.parameters
        names = [name for name, _ in self.model.named_parameters()]
        with torch.no_grad():
            named = dict(zip(names, values, strict=True))
            logits: np.ndarray = torch.func.functional_call(self.model, named, torch.from_numpy(x)).numpy()
        return logits


class Peer(OneByOne):
    """Networks one after another; operations run one at a time, each on `problem.threads` threads."""

    network: type[Network] = Network

    def __init__(self, problem: Problem) -> None:
        if torch.get_num_interop_threads() != 1:  # it can be set only once in a process
            torch.set_num_interop_threads(1)
        torch.set_num_threads(problem.threads or 1)
        super().__init__(problem)

    def about(self) -> dict[str, Any]:
        """Return versions."""
        return {"torch": torch.__version__, "threads": torch.get_num_threads()}
