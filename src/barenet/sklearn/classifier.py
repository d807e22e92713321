"""`BarenetClassifier`: a multi-layer perceptron that behaves like scikit-learn's classifiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import StandardScaler
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d, validate_data

from barenet.config.tables import Config
from barenet.engine.state import TrainingState
from barenet.errors import DataError
from barenet.messages import few
from barenet.sklearn.fitting import train_rows
from barenet.sklearn.network import Network, log_probabilities
from barenet.sklearn.parameters import draw_seed, make_config, refuse_balanced
from barenet.sklearn.rows import Rows, check_labels, hold_out, make_rows, make_scaler, scale
from barenet.training.metrics import probabilities

__all__ = ["BarenetClassifier"]

FLOATS = (np.float64, np.float32)


class BarenetClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A multi-layer perceptron with softmax and cross-entropy, trained by barenet.

    Features may have any units: see `standardize`. Equal rows are merged, and weights have the same effect as repeated
    rows. Training takes all `epochs`, with a rate that falls along half a cosine, unless `early_stopping` ends it.

    Parameters
    ----------
    hidden_sizes : units of each hidden layer; a number for one layer.
    activation : that of the hidden layers, a name in `barenet.nn.activations.ACTIVATIONS`, or one for each layer.
    optimizer : "adam", "adamw" or "sgd".
    learning_rate : the highest rate of the schedule.
    schedule : "cosine", "constant" or "one_cycle"; `partial_fit` keeps the rate constant.
    momentum : that of "sgd".
    epochs : passes over the training rows; with early stopping, the largest number of them.
    batch_size : the largest number of rows in a mini-batch; "auto" for a sixteenth of the rows, from 8 to 128.
    alpha : strength of L2, (alpha / 2n) sum(W**2) in the objective, with n the rows' total weight: as in
        `MLPClassifier`, so 1 is a standard normal prior on every weight.
    weight_decay : decoupled decay of "adamw"; weights only.
    label_smoothing : share of each label spread over all classes.
    average_decay : moving average of the weights, used to predict; 0 for none.
    standardize : give every feature mean 0 and standard deviation 1; "auto" does so unless rows are pixels: 64 or more
        features of whole numbers up to 255, which are divided by 255, or of numbers from 0 to 1, which are not changed.
    class_weight : None, "balanced", or a dictionary from labels to factors, by the rules of scikit-learn: labels that y
        lacks are ignored if all labels of y have a factor, otherwise an error; `partial_fit` refuses "balanced".
    early_stopping : hold out `validation_fraction` of the rows, unless `fit` gets validation rows, stop after
        `patience` epochs without a lower validation loss, and take the weights with the lowest one.
    warm_start : continue from the last `fit`, with the current parameters, instead of starting again. It is an error to
        change parameters that decide the network: hidden_sizes, activation, optimizer, standardize, and whether
        momentum and average_decay are 0. New classes or other features are an error too.
    random_state : seed of initial weights, order of rows and rows held out; in a warm start, of the order only.

    Attributes
    ----------
    classes_ : labels, sorted. n_features_in_, feature_names_in_ : as everywhere in scikit-learn.
    n_iter_ : epochs trained, including those before a warm start. loss_curve_ : training loss of each of them.
    validation_loss_curve_ : likewise, for validation rows, held out or given; empty without any.
    scaler_ : the scaler of the features, or None. state_ : the network's parameters and optimizer, a `TrainingState`.
    """

    classes_: NDArray[Any]
    state_: TrainingState
    _network: Network

    def __init__(
        self,
        hidden_sizes: int | Sequence[int] = (128,),
        *,
        activation: str | Sequence[str] = "relu",
        optimizer: str = "adam",
        learning_rate: float = 0.01,
        schedule: str = "cosine",
        momentum: float = 0.0,
        epochs: int = 50,
        batch_size: int | Literal["auto"] = "auto",
        alpha: float = 1.0,
        weight_decay: float = 0.0,
        label_smoothing: float = 0.0,
        average_decay: float = 0.0,
        standardize: bool | Literal["auto"] = "auto",
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
        warm_start: bool = False,
        random_state: Any = None,
    ) -> None:
        self.hidden_sizes = hidden_sizes
        self.activation = activation
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.momentum = momentum
        self.epochs = epochs
        self.batch_size = batch_size
        self.alpha = alpha
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.average_decay = average_decay
        self.standardize = standardize
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.warm_start = warm_start
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
    ) -> BarenetClassifier:
        """Train on rows X (n, D) and their labels y (n,); X_val, y_val are validation rows, also for early stopping.

        Raises:
            ConfigError, DataError: a parameter or the data are wrong. DivergedError: the weights became infinite.
        """
        is_warm = self.warm_start and hasattr(self, "state_")
        if not is_warm and hasattr(self, "state_"):
            del self.state_  # after a fit that fails there is no network
        features, labels = self._validated(X, y, reset=not is_warm)
        if is_warm:
            check_labels(labels, self.classes_, "y")
            state, seed = self._continue("set warm_start=False to start again")
        else:
            self.classes_ = np.unique(labels)
            state, seed = self._start()
        rows = self._rows(features, labels, sample_weight)
        if len(np.unique(rows.codes)) < 2:
            raise DataError("rows of one class only have a weight above 0; a classifier needs 2 classes or more")
        validation = self._validation_rows(X_val, y_val)
        if self.early_stopping and validation is None:
            rows, validation = hold_out(rows, float(self.validation_fraction), self._network.seed)
        self._scale(rows, is_new=not is_warm, update=False)
        config = make_config(self.get_params(), seed, rows, schedule=self.schedule, epochs=self.epochs)
        patience = self.patience if self.early_stopping else None
        self._train(config, state, rows, validation, patience)
        return self

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> BarenetClassifier:
        """Train for one epoch on these rows, from the state after the last call; the first call needs `classes`.

        Features are standardised by all rows seen so far; `alpha` is divided by the total weight of these rows.
        """
        is_first = not hasattr(self, "state_")
        refuse_balanced(self.class_weight)
        if is_first and classes is None:
            raise DataError("the first call of partial_fit needs classes, the labels of all calls")
        features, labels = self._validated(X, y, reset=is_first)
        if is_first:
            self.classes_ = np.unique(np.asarray(classes))
        elif classes is not None and not np.array_equal(np.unique(np.asarray(classes)), self.classes_):
            raise DataError(f"classes are not those of the first call, {few([str(c) for c in self.classes_])}")
        check_labels(labels, self.classes_, "y")
        state, seed = self._start() if is_first else self._continue("make a new estimator with sklearn.base.clone")
        rows = self._rows(features, labels, sample_weight)
        self._scale(rows, is_new=is_first, update=True)
        config = make_config(self.get_params(), seed, rows, schedule="constant", epochs=1)
        self._train(config, state, rows, None, None)
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return the probability of each class of `classes_`, (n, C)."""
        return np.asarray(probabilities(self._outputs(X), False), np.float32)

    def predict_log_proba(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return the logarithm of `predict_proba`, (n, C), which is finite even where that rounds to 0."""
        return log_probabilities(self._outputs(X))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable label of each row, (n,)."""
        most_probable = np.argmax(self.predict_proba(X), axis=1)
        return np.asarray(self.classes_[most_probable])

    def _outputs(self, X: ArrayLike) -> NDArray[np.floating]:
        """Return the network's logits (n, C) for rows that are not scaled."""
        check_is_fitted(self, "state_")
        features = scale(self.scaler_, validate_data(self, X, dtype=FLOATS, reset=False))
        return self._network.logits(self.state_, features)

    def _validated(self, X: ArrayLike, y: ArrayLike, *, reset: bool) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return features and labels, checked by scikit-learn."""
        features, labels = validate_data(self, X, y, dtype=FLOATS, reset=reset)
        check_classification_targets(labels)
        return features, column_or_1d(labels, warn=True)

    def _start(self) -> tuple[TrainingState, int]:
        """Make a new network; return its state before the first step, and the seed."""
        seed = draw_seed(self.random_state)
        self._network, state = Network.begin(self.get_params(), seed, self.n_features_in_, self.classes_)
        self.loss_curve_: list[float] = []
        self.validation_loss_curve_: list[float] = []
        return state, seed

    def _continue(self, remedy: str) -> tuple[TrainingState, int]:
        """Return the state from which training continues, and the seed of the order of rows.

        The first seed still decides which rows are held out: another would validate on rows that were trained on.
        """
        self._network.check_parameters(self.get_params(), remedy)
        return self.state_, draw_seed(self.random_state)

    def _rows(self, X: NDArray[Any], y: NDArray[Any], sample_weight: ArrayLike | None) -> Rows:
        """Return the rows to train on."""
        weights = np.asarray(_check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True))
        return make_rows(Rows(X, np.searchsorted(self.classes_, y), weights), self.classes_, self.class_weight)

    def _validation_rows(self, X_val: ArrayLike | None, y_val: ArrayLike | None) -> Rows | None:
        """Return the given validation rows, or None."""
        if X_val is None and y_val is None:
            return None
        if X_val is None or y_val is None:
            raise DataError("X_val and y_val go together, got only one of them")
        features, labels = self._validated(X_val, y_val, reset=False)
        check_labels(labels, self.classes_, "y_val")
        return Rows(features, np.searchsorted(self.classes_, labels), np.ones(len(labels)))

    def _scale(self, rows: Rows, *, is_new: bool, update: bool) -> None:
        """Measure mean and deviation of the features; with `update`, together with those of earlier rows."""
        if is_new:
            self.scaler_ = make_scaler(self.standardize, rows.X)
        if isinstance(self.scaler_, StandardScaler):
            measure = self.scaler_.partial_fit if update else self.scaler_.fit
            measure(rows.X, sample_weight=rows.weights)

    def _train(
        self, config: Config, state: TrainingState, rows: Rows, validation: Rows | None, patience: int | None
    ) -> None:
        """Train the network on scaled rows, and store the new state and losses."""
        rows = rows.scaled(self.scaler_)
        validation = None if validation is None else validation.scaled(self.scaler_)
        fit = train_rows(config, self._network.architecture(), state, rows, validation=validation, patience=patience)
        self.state_ = fit.state
        self.loss_curve_ += fit.losses
        self.validation_loss_curve_ += fit.validation_losses
        self.n_iter_ = len(self.loss_curve_)
