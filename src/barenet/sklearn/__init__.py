"""barenet's network as a scikit-learn estimator: `from barenet.sklearn import BarenetClassifier`.

It needs scikit-learn 1.6 or newer, which `pip install "barenet[sklearn]"` brings.
"""

from __future__ import annotations

try:
    import sklearn  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "sklearn":
        raise
    raise ModuleNotFoundError(
        'barenet.sklearn needs scikit-learn 1.6 or newer, which is not installed: pip install "barenet[sklearn]"',
        name="sklearn",
    ) from None

from barenet.sklearn.classifier import BarenetClassifier

__all__ = ["BarenetClassifier"]
