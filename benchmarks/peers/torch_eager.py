"""PyTorch eager in its best form: tensors indexed by hand, the fused optimizer."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from peers.problem import L2, LEARNING_RATE, Problem


class Peer:
    """Sequential of Linear and ReLU, cross_entropy, SGD with fused=True; L2 on weights only."""

    def __init__(self, problem: Problem) -> None:
        torch.set_num_threads(problem.threads)
        self.batch = problem.batch
        self.x, self.y = torch.from_numpy(problem.images["x"]), torch.from_numpy(problem.images["y"])
        self.x_test, self.y_test = torch.from_numpy(problem.images["x_test"]), problem.images["y_test"]
        layers: list[torch.nn.Module] = []
        for weights in problem.weights():
            linear = torch.nn.Linear(*weights.shape)
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(weights.T.copy()))
                linear.bias.zero_()
            layers += [linear, torch.nn.ReLU()]
        self.model = torch.nn.Sequential(*layers[:-1])
        linears = layers[::2]
        groups = [
            {"params": [linear.weight for linear in linears], "weight_decay": L2},
            {"params": [linear.bias for linear in linears], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.SGD(groups, lr=LEARNING_RATE, fused=True)

    def epoch(self, order: np.ndarray) -> None:
        """Train one epoch."""
        index = torch.from_numpy(order)
        for i in range(0, len(order), self.batch):
            chosen = index[i : i + self.batch]
            self.step(self.x[chosen], self.y[chosen])

    def step(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """Take one step."""
        self.optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(self.model(x), y).backward()
        self.optimizer.step()

    def accuracy(self) -> float:
        """Return the share of right test images."""
        with torch.no_grad():
            return float(np.mean(self.model(self.x_test).argmax(1).numpy() == self.y_test))

    def about(self) -> dict[str, Any]:
        """Return versions."""
        return {"torch": torch.__version__}
