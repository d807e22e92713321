"""barenet's network as a scikit-learn estimator: `from barenet.sklearn import BarenetClassifier`.

It needs scikit-learn 1.6 or newer, which `pip install "barenet[sklearn]"` brings. Read the modules in this order; open
`classifier` first:

    rows         rows of features with classes and weights: checked, scaled, equal rows merged
    weighting    a cross-entropy with a weight for every row
    parameters   the estimator's parameters as settings of barenet, checked
    network      the network, and the parameters that must not change when training continues
    fitting      the training loop of `fit` and `partial_fit`
    classifier   `BarenetClassifier`
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
