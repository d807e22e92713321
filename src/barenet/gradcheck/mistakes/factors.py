"""Mistakes by which the gradient is a multiple of the right one: of B images, C outputs, two, or the sign."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product

__all__ = ["factor_kinds", "factors"]


def families(n_images: int, n_outputs: int) -> list[dict[str, float]]:
    """Return the mistakes with their factors, in families of which a gradient can have one each.

    A factor that another family has too is left out of the later one: with two classes, twice too large means the 2 of
    a square.
    """
    groups = [
        {"not_divided_by_batch": float(n_images), "divided_by_batch_twice": 1 / n_images},
        {"wrong_sign": -1.0},
        {"factor_two_extra": 2.0, "factor_two_missing": 0.5},
    ]
    if n_outputs not in (1, 2, n_images):
        groups.append({"averaged_over_outputs": float(n_outputs), "divided_by_outputs": 1 / n_outputs})
    return groups


def factor_kinds(n_images: int, n_outputs: int) -> dict[str, float]:
    """Return each mistake with its factor."""
    return {kind: factor for family in families(n_images, n_outputs) for kind, factor in family.items()}


def factors(n_images: int, n_outputs: int, *, pairs: bool) -> Iterator[tuple[tuple[str, ...], float]]:
    """Yield mistakes with the factor that they give, with `pairs` also two at once."""
    groups = families(n_images, n_outputs)
    for group in groups:
        yield from (((kind,), factor) for kind, factor in group.items())
    if pairs:
        for left, right in combinations(groups, 2):
            yield from (((one, other), left[one] * right[other]) for one, other in product(left, right))
