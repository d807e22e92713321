"""How images for a saved model are scaled: as bytes, as floats that are scaled already, or refused.

The same rule holds everywhere. A model file remembers the values of its training images. An exported Python file holds
a copy of the functions between the two marks below, so they use only NumPy.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

__all__ = [
    "PIXEL_SCALE",
    "check_numbers",
    "fit_images",
    "is_unit_range",
    "measure_range",
    "random_images",
    "read_range",
    "scaled_range",
    "source_of_rule",
]

PIXEL_SCALE = 1 / 255  # scales bytes to 0-1
NAMES = ("values", "minima", "maxima")


def measure_range(images: np.ndarray, rows: np.ndarray) -> dict[str, list[float]]:
    """Return what a model remembers of the values of the images (n, D) in these rows.

    values: the lowest and the highest of all. minima, maxima: the 1 % and the 99 % quantiles of the images' lowest and
    of their highest values; images of a single value, such as empty ones, are left out.
    """
    minima, maxima = images.min(axis=1)[rows], images.max(axis=1)[rows]
    values = [float(minima.min()), float(maxima.max())]
    varied = minima != maxima
    if varied.any():
        minima, maxima = minima[varied], maxima[varied]
    quantiles = [np.quantile(extremes.astype(np.float64), [0.01, 0.99]).tolist() for extremes in (minima, maxima)]
    return dict(zip(NAMES, [values, *quantiles], strict=True))


def read_range(remembered: Mapping[str, Any]) -> dict[str, list[float]]:
    """Return what a model remembers of the values of its training images; {} for older files and for features."""
    return {name: list(remembered[name]) for name in NAMES if name in remembered}


def scaled_range(trained: Mapping[str, list[float]], scale: float) -> dict[str, list[float]]:
    """Return the range of images that are multiplied by `scale`."""
    return {name: [value * scale for value in pair] for name, pair in trained.items()}


def random_images(rng: np.random.Generator, n: int, d: int, trained: Mapping[str, list[float]]) -> np.ndarray:
    """Return random images (n, D), each with a usual range of values of the training images."""
    low, high = (rng.uniform(trained[name][0], trained[name][1], (n, 1)) for name in ("minima", "maxima"))
    return np.asarray(low + rng.random((n, d)) * (high - low))


# ------------------------------------------------------------------------- exported files copy the functions from here


def fit_images(
    x: np.ndarray, takes_bytes: bool, scale: float, trained: dict[str, list[float]]
) -> tuple[np.ndarray, float, dict[str, str]]:
    """Return images (n, D), the factor that scales them to the network's inputs, and notes for the person.

    `takes_bytes`: the network was trained on bytes. `scale` multiplied its training images. `trained`: their values
    before that, or {} where the model does not remember them. The note "scaled" says how the numbers were understood,
    and "unusual" how they differ from the training images. Raises ValueError for images that the network cannot take.
    """
    low, high = check_numbers(x)
    if not x.size or not (takes_bytes or trained):
        return x, scale, {}
    if x.dtype.kind == "b":
        x = x.astype(np.float32)
    # Bytes that were divided by less than 255 had fewer values, such as 0 and 1.
    are_bytes = takes_bytes and scale == PIXEL_SCALE
    lowest, highest = (0.0, 255.0) if are_bytes else trained["values"]
    # `factor` scales these images to the values of the training images, and `scale` scales those to the inputs.
    factor, notes = choose_factor(x, (low, high), takes_bytes, scale, trained)
    room = highest - lowest
    if low * factor < lowest - room or high * factor > highest + room:
        # A few such values are noise; many are another scale.
        is_far = (x < (lowest - room) / factor) | (x > (highest + room) / factor)
        if np.mean(is_far) > 0.05:
            remedy = "pass uint8, or divide by 255" if are_bytes else "scale them as in training"
            raise ValueError(
                f"images must lie in {lowest / factor:.5g} to {highest / factor:.5g}, as in training; got {low:.5g} to "
                f"{high:.5g}: {remedy}"
            )
    notes |= look_at_ends(*(usual_ends(x) if len(x) > 1 else (low, high)), factor, trained)
    return x, scale * factor, notes


def check_numbers(x: np.ndarray) -> tuple[float, float]:
    """Return the lowest and the highest number; raise ValueError unless all are finite numbers."""
    if x.dtype.kind not in "iufb":
        raise ValueError(f"images must be numbers, got {x.dtype}")
    low, high = (float(x.min()), float(x.max())) if x.size else (0.0, 0.0)
    if not -np.inf < low + high < np.inf:
        raise ValueError("images must be finite, got NaN or infinity")
    return low, high


def choose_factor(
    x: np.ndarray, ends: tuple[float, float], takes_bytes: bool, scale: float, trained: dict[str, list[float]]
) -> tuple[float, dict[str, str]]:
    """Return the factor that scales images (n, D) to the values of training images, and notes for the person."""
    low, high = ends
    is_whole = x.dtype.kind in "iu" or (low >= 0 and 1 < high <= 255 and bool(np.all(x == np.rint(x))))
    if not takes_bytes and scale == 1 and is_unit_range(trained):
        if x.dtype != np.uint8 and not (is_whole and low >= 0 and 1 < high <= 255):
            return 1.0, {}
        what = "bytes" if x.dtype == np.uint8 else "whole numbers up to 255"
        notes = f"images of {what} are divided by 255: the model was trained on floats from 0 to 1"
        return PIXEL_SCALE, {"scaled": notes}
    if takes_bytes and is_whole:
        if low < 0 or high > 255:
            raise ValueError(f"images of whole numbers must lie in 0 to 255, as in training; got {low:g} to {high:g}")
        notes = "images of whole floats up to 255 are taken for bytes, as in training"
        return 1.0, ({} if x.dtype.kind in "iu" else {"scaled": notes})
    if x.dtype == np.uint8:
        lowest, highest = trained["values"]
        if lowest < 0 or not 128 <= highest <= 256:
            raise ValueError(
                f"the model was trained on floats from {lowest:.5g} to {highest:.5g}, but these images are bytes "
                f"(uint8): pass floats, scaled as in training"
            )
        return 1.0, {}
    # If training scaled its pixels, floats of at most about 1 are scaled already.
    is_scaled = scale != 1 and x.dtype.kind == "f" and (takes_bytes or high <= 2)
    return (1 / scale if is_scaled else 1.0), {}


def is_unit_range(trained: dict[str, list[float]]) -> bool:
    """Whether training images were floats from 0 to 1, or a little outside of it, which resizing may cause."""
    return trained["values"][0] >= -0.1 and 0.5 < trained["values"][1] <= 1.1


def usual_ends(x: np.ndarray) -> tuple[float, float]:
    """Return the usual lowest and highest value of images: medians over at most 500 that have several values."""
    some = x[:: len(x) // 500 + 1]
    minima, maxima = some.min(axis=1), some.max(axis=1)
    varied = minima != maxima
    if not varied.any():
        return 0.0, 0.0
    return float(np.median(minima[varied])), float(np.median(maxima[varied]))


def look_at_ends(low: float, high: float, factor: float, trained: dict[str, list[float]]) -> dict[str, str]:
    """Return a note where the lowest and highest values of images differ from those of the training images.

    Noise moves them outwards. Another scale may also move them inwards: 0 to 1, where training had -1 to 1.
    """
    if not trained or low == high:  # images of a single value say nothing about the scale
        return {}
    (low_1, low_99), (high_1, high_99) = ([end / factor for end in trained[name]] for name in ("minima", "maxima"))
    outside = 0.4 * (high_99 - low_1)
    # Training images with negative values were centred: their lowest values hardly vary.
    inside = [0.1 * (high_99 - low_1)] * 2 if low_99 < 0 else [0.5 * (high_99 - low_1), 0.75 * (high_1 - low_1)]
    if low_1 - outside <= low <= low_99 + inside[0] and high_1 - inside[1] <= high <= high_99 + outside:
        return {}
    return {
        "unusual": f"images go from about {low:.3g} to {high:.3g}, where training images went from "
        f"{between(low_1, low_99)} to {between(high_1, high_99)}: they may have another scale"
    }


def between(low: float, high: float) -> str:
    """Return a pair of numbers as text: a single number where they are nearly the same."""
    first, last = f"{low:.3g}", f"{high:.3g}"
    return first if first == last else f"{first}...{last}"


# ---------------------------------------------------------------------------------------------------------- to here


def source_of_rule(of_images: bool = True) -> str:
    """Return the source of `fit_images` and of what it calls; for features, that of `check_numbers` alone."""
    functions: tuple[Callable[..., Any], ...] = (check_numbers,)
    if of_images:
        functions += (fit_images, choose_factor, is_unit_range, usual_ends, look_at_ends, between)
    return "\n\n".join(inspect.getsource(function) for function in functions)
