"""Multi-layer perceptrons in plain NumPy: trained in lockstep, tested, tuned and looked inside.

    import barenet

    result = barenet.train(hidden_sizes=(128, 32), epochs=10)     # Fashion-MNIST, carried along
    print(result.networks[0].validation_accuracy)
    predictor = barenet.load(result.folder)
    predictor.predict(images)                                     # uint8 or float, flat or square, one or many

Importing barenet loads NumPy and nothing heavier; the rest loads when a function that needs it runs.

Symbols in shapes: N networks in a stack, B images in a batch, D inputs, H hidden units, C classes, P parameters of a
network, S running statistics. `...` stands for N or for nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from barenet import errors, nn
from barenet.nn import MLP, Activation, Loss, check_gradients

if TYPE_CHECKING:
    from barenet.api.searching import search
    from barenet.api.training import check_custom, resume, train
    from barenet.data.datasets import load_dataset
    from barenet.deploy.predictor import Predictor, load
    from barenet.gradcheck.check import check_own_gradients

__all__ = [
    "MLP",
    "Activation",
    "Loss",
    "Predictor",
    "check_custom",
    "check_gradients",
    "check_own_gradients",
    "errors",
    "load",
    "load_dataset",
    "nn",
    "resume",
    "search",
    "train",
]

__version__ = "0.1.0"

_LAZY = {
    "Predictor": "barenet.deploy.predictor",
    "check_custom": "barenet.api.training",
    "check_own_gradients": "barenet.gradcheck.check",
    "load": "barenet.deploy.predictor",
    "load_dataset": "barenet.data.datasets",
    "resume": "barenet.api.training",
    "search": "barenet.api.searching",
    "train": "barenet.api.training",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _LAZY:
        raise AttributeError(f"module 'barenet' has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
