"""In which layer the first mistake on the way back is: the last layers are right, the ones before are wrong."""

from __future__ import annotations

from collections.abc import Sequence

from barenet.gradcheck.mistakes.reference import Layout

__all__ = ["where_to_look"]


def where_to_look(layout: Layout | None, names: Sequence[str], is_right: Sequence[bool]) -> str:
    """Return a sentence about the wrong layer that is nearest to the loss; "" if nothing is wrong or known."""
    if layout is None or all(is_right):
        return ""
    n_layers = len(layout.weights)
    wrong = {}
    for layer in range(1, n_layers + 1):
        places = [layout.weights[layer - 1], *([layout.biases[layer - 1]] if layout.biases else [])]
        wrong[layer] = [names[i] for i in places if not is_right[i]]
        wrong[layer] += ["dz"] * (len(wrong[layer]) == len(places))
    first = max(layer for layer in wrong if wrong[layer])
    right = [str(layer) for layer in range(n_layers, first, -1)]
    if not right:
        before = "the last layer is wrong already"
    elif len(right) == 1:
        before = f"layer {right[0]} is right"
    else:
        before = f"layers {', '.join(right[:-1])} and {right[-1]} are right"
    if "dz" in wrong[first]:
        from_loss = ", the derivative of the loss," if not right else ""
        return f"{before}: look where dz{first}{from_loss} is made"
    name = wrong[first][0]
    other = next(names[i] for i in (layout.weights[first - 1], layout.biases[first - 1]) if names[i] != name)
    start = f"{before}, and {other} too" if right else f"{other} is right"
    return f"{start}: look where the gradient of {name} is made"
