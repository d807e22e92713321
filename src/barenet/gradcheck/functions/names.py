"""The names that people give to what a function takes, to parameters and to gradients.

Names are compared without regard to capitals. `role_of` says what an argument is; `is_parameter` whether a name is that
of weights or biases; `gradient_of` finds the gradient of W1 among dW1, grad_W1, W1_grad and so on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["gradient_of", "has_other_end", "is_gradients", "is_parameter", "match_gradients", "role_of"]

ROLES = {
    "x": "x xs x_train x_batch input inputs input_data images data features a0",
    "labels": "y ys y_train y_batch y_true y_onehot y_one_hot t label labels target targets truth expected",
    "output": "y_hat yhat y_pred ypred p probs probabilities out output outputs pred preds prediction predictions "
    "scores logits al a2 a3 a4 o a",
    "error": "dout d_out dvalues grad_output output_grad grad dy delta dz dscores dlogits dloss loss_grad",
    "l2": "l2 reg lam lamb lamda lambd lmbda lambda_ l2_lambda l2_reg regularization reg_strength weight_decay",
    "cache": "cache caches memory forward_cache",
    "rate": "lr learning_rate learningrate eta rate step_size alpha",
}
ROLE_OF = {name: role for role, names in ROLES.items() for name in names.split()}

PARAMETER = re.compile(
    r"(w|b|weights?|bias|biases|theta|gamma|beta)(_?\d+|_?[a-z]{1,3}|(_[a-z]+)+\d*)?(\[\d+\])*", re.IGNORECASE
)
OTHER_ENDS = re.compile(
    r"grads?|gradients?|delta|cache|m|v|mom|momentums?|moments?|velocity|velocities|vel|old|prev|best|init|decay|scale|"
    r"size|shape"
)
GRADIENTS = re.compile(r"(all_?)?(grads?|gradients?|d_?params|dparameters|param_?grads)", re.IGNORECASE)


def role_of(name: str) -> str | None:
    """Return what an argument with this name is: a key of `ROLES`, or None."""
    return ROLE_OF.get(name.lower().lstrip("_"))


def is_parameter(name: str) -> bool:
    """Return whether a name is that of weights or biases: W1, b, weights, bias_hidden, wih."""
    return bool(PARAMETER.fullmatch(name)) and not has_other_end(name.partition("[")[0])


def has_other_end(name: str) -> bool:
    """Return whether a name is that of numbers that belong to parameters: velocity, weights_momentum."""
    return bool(OTHER_ENDS.fullmatch(name.lower().strip("_").rpartition("_")[2]))


def is_gradients(name: str) -> bool:
    """Return whether a name is that of a collection of gradients: grads, gradients."""
    return bool(GRADIENTS.fullmatch(name))


def gradient_names(name: str) -> Iterator[str]:
    """Yield names of the gradient of a parameter; an index, such as that of weights[0], stays at the end."""
    stem, bracket, index = name.partition("[")
    for written in (
        "d{}",
        "d_{}",
        "grad_{}",
        "{}_grad",
        "{}_gradient",
        "grad{}",
        "g{}",
        "g_{}",
        "nabla_{}",
        "delta_{}",
    ):
        yield written.format(stem) + bracket + index


def gradient_of(name: str, found: Mapping[str, Any], *, same: bool) -> str | None:
    """Return the key in `found` of the gradient of a parameter, None if there is none.

    With `same`, the parameter's name itself is one too: in a collection of gradients, not among attributes.
    """
    if same and name in found:
        return name
    lowered = {key.lower(): key for key in found}
    return next((lowered[wanted.lower()] for wanted in gradient_names(name) if wanted.lower() in lowered), None)


def match_gradients(names: Sequence[str], found: Mapping[str, Any]) -> dict[str, str]:
    """Return for each parameter that has a gradient in `found` the key there; for layers[0].W compare the last part."""
    matched = {}
    for name in names:
        holder, dot, last = name.rpartition(".")
        beside = {key.removeprefix(holder + dot): key for key in found if key.startswith(holder + dot)}
        key = gradient_of(last, beside, same=True)
        if key is not None:
            matched[name] = beside[key]
    return matched
