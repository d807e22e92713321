"""`BarenetClassifier`: a multi-layer perceptron that behaves as scikit-learn's classifiers do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d, validate_data

from barenet.config.tables import Config
from barenet.engine.network import FastMLP
from barenet.engine.state import TrainingState
from barenet.errors import ConfigError, DataError
from barenet.messages import few
from barenet.nn.architecture import Architecture
from barenet.sklearn.fitting import Fit, train_rows
from barenet.sklearn.parameters import make_config, optimizer_kind
from barenet.sklearn.rows import Rows, check_labels, hold_out, make_rows, scale
from barenet.training.epochs import start_state
from barenet.training.evaluation import compute_outputs
from barenet.training.metrics import probabilities

__all__ = ["BarenetClassifier"]

FLOATS = (np.float64, np.float32)


class BarenetClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A multi-layer perceptron with softmax and cross-entropy, trained by barenet.

    Features are standardised by the training rows first (`standardize`), so that they may come in any units. Equal rows
    are merged and weights count exactly as repetitions do. Training takes all `epochs`, with a learning rate that falls
    to zero along half a cosine, unless `early_stopping` holds out rows and ends it.

    Parameters
    ----------
    hidden_sizes : units of each hidden layer; a number for one layer.
    activation : of the hidden layers, a name in `barenet.nn.activations.ACTIVATIONS`.
    optimizer : "adam", "adamw" or "sgd".
    learning_rate : the highest rate of the schedule.
    schedule : "cosine", "constant" or "one_cycle"; `partial_fit` keeps the rate constant.
    momentum : of "sgd".
    epochs : passes over the training rows, at most with early stopping.
    batch_size : rows in a mini-batch, at most; "auto" for a sixteenth of the rows, from 8 to 128.
    alpha : strength of L2, (alpha / 2n) sum(W**2) in the objective, with n the rows' total weight: as in
        `MLPClassifier`, so 1 is a standard normal prior on every weight.
    weight_decay : decoupled decay of "adamw"; weights only.
    label_smoothing : share of each label spread over all classes.
    average_decay : moving average of the weights, used to predict; 0 for none.
    standardize : bring every feature to mean 0 and standard deviation 1.
    class_weight : None, "balanced", or a dictionary from labels to factors.
    early_stopping : hold out `validation_fraction` of the rows, unless `fit` gets rows of your own, stop after
        `patience` epochs without a lower validation loss, and take the weights that had the lowest.
    warm_start : go on from the last `fit` instead of starting anew.
    random_state : seed of initial weights, order of rows and rows held out.

    Attributes
    ----------
    classes_ : labels, sorted. n_features_in_, feature_names_in_ : as everywhere in scikit-learn.
    n_iter_ : epochs trained, with those before a warm start. loss_curve_ : loss after each of them.
    validation_loss_curve_ : likewise, of the rows held out or handed in; empty without any.
    scaler_ : the `StandardScaler`, or None. state_ : the network's parameters and optimizer, a `TrainingState`.
    """

    classes_: NDArray[Any]
    state_: TrainingState
    _seed: int

    def __init__(
        self,
        hidden_sizes: int | Sequence[int] = (128,),
        *,
        activation: str = "relu",
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
        standardize: bool = True,
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
        """Train on rows X (n, D) and their labels y (n,); X_val, y_val are watched, and stop training if asked.

        Raises:
            ConfigError: a parameter is wrong. DataError: so is the data. DivergedError: the weights became infinite.
        """
        goes_on = self.warm_start and hasattr(self, "state_")
        features, labels = self._validated(X, y, reset=not goes_on)
        if goes_on:
            check_labels(labels, self.classes_, "y")
        else:
            self.classes_ = np.unique(labels)
            self._start()
        rows = self._rows(features, labels, sample_weight)
        if len(np.unique(rows.codes)) < 2:
            raise DataError("rows of one class only have a weight above 0; a classifier needs 2 classes or more")
        validation = self._watched(X_val, y_val)
        if self.early_stopping and validation is None:
            rows, validation = hold_out(rows, float(self.validation_fraction), self._seed)
        self._scale(rows, update=False)
        config = make_config(self.get_params(), self._seed, rows, schedule=self.schedule, epochs=self.epochs)
        patience = self.patience if self.early_stopping else None
        self._take(self._train(config, rows, validation, patience))
        return self

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> BarenetClassifier:
        """Train for one epoch on these rows, from where the last call left off; `classes` are needed the first time.

        Features are standardised by all rows seen so far; `alpha` is set against the weight of these rows.
        """
        is_first = not hasattr(self, "state_")
        if is_first and classes is None:
            raise DataError("the first call of partial_fit needs classes, all labels that will ever come")
        features, labels = self._validated(X, y, reset=is_first)
        if is_first:
            self.classes_ = np.unique(np.asarray(classes))
            self._start()
        elif classes is not None and not np.array_equal(np.unique(np.asarray(classes)), self.classes_):
            raise DataError(f"classes are not those of the first call, {few([str(c) for c in self.classes_])}")
        check_labels(labels, self.classes_, "y")
        rows = self._rows(features, labels, sample_weight)
        self._scale(rows, update=True)
        config = make_config(self.get_params(), self._seed, rows, schedule="constant", epochs=1)
        self._take(self._train(config, rows, None, None))
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return the probability of each class of `classes_`, (n, C)."""
        check_is_fitted(self, "state_")
        features = validate_data(self, X, dtype=FLOATS, reset=False)
        mlp = FastMLP.from_architecture(self._architecture(), initializer=None)
        mlp.parameters.values[...] = self.state_.evaluated[0]
        return np.asarray(probabilities(compute_outputs(mlp, scale(self.scaler_, features), 1.0), False), np.float32)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable label of each row, (n,)."""
        most_probable = np.argmax(self.predict_proba(X), axis=1)
        return np.asarray(self.classes_[most_probable])

    def _validated(self, X: ArrayLike, y: ArrayLike, *, reset: bool) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return features and labels, checked as scikit-learn does it."""
        features, labels = validate_data(self, X, y, dtype=FLOATS, reset=reset)
        check_classification_targets(labels)
        return features, column_or_1d(labels, warn=True)

    def _start(self) -> None:
        """Forget what was learnt."""
        if len(self.classes_) < 2:
            raise DataError(f"a classifier needs 2 classes or more, got 1 class: {self.classes_[0]!r}")
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.loss_curve_: list[float] = []
        self.validation_loss_curve_: list[float] = []
        self.scaler_ = StandardScaler() if self.standardize else None
        config = make_config(self.get_params(), self._seed, None, schedule="constant", epochs=1)
        self._sizes = [self.n_features_in_, *config.model.hidden_sizes, len(self.classes_)]
        self._activations = [config.model.activation] * len(config.model.hidden_sizes) + ["softmax"]
        self._optimizer = optimizer_kind(config)
        self.state_ = start_state(config, self._architecture())

    def _architecture(self) -> Architecture:
        """Return the network that was started; parameters may have changed since."""
        return Architecture.from_sizes(self._sizes, self._activations)

    def _rows(self, X: NDArray[Any], y: NDArray[Any], sample_weight: ArrayLike | None) -> Rows:
        """Return the rows to train on."""
        weights = np.asarray(_check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True))
        return make_rows(Rows(X, np.searchsorted(self.classes_, y), weights), self.classes_, self.class_weight)

    def _watched(self, X_val: ArrayLike | None, y_val: ArrayLike | None) -> Rows | None:
        """Return the validation rows that were handed in."""
        if X_val is None and y_val is None:
            return None
        if X_val is None or y_val is None:
            raise DataError("X_val and y_val go together, got only one of them")
        features, labels = self._validated(X_val, y_val, reset=False)
        check_labels(labels, self.classes_, "y_val")
        return Rows(features, np.searchsorted(self.classes_, labels), np.ones(len(labels)))

    def _scale(self, rows: Rows, *, update: bool) -> None:
        """Measure the features, adding to what is known of them if asked."""
        if self.scaler_ is not None:
            measure = self.scaler_.partial_fit if update else self.scaler_.fit
            measure(rows.X, sample_weight=rows.weights)

    def _train(self, config: Config, rows: Rows, validation: Rows | None, patience: int | None) -> Fit:
        """Train the network on standardised rows."""
        if optimizer_kind(config) != self._optimizer:
            raise ConfigError(
                f"training cannot go on with another optimizer, momentum or average_decay than it began with, "
                f"{self._optimizer[0]}; set warm_start=False to start anew"
            )
        rows = Rows(scale(self.scaler_, rows.X), rows.codes, rows.weights)
        if validation is not None:
            validation = Rows(scale(self.scaler_, validation.X), validation.codes, validation.weights)
        architecture = self._architecture()
        return train_rows(config, architecture, self.state_, rows, validation=validation, patience=patience)

    def _take(self, fit: Fit) -> None:
        """Make what training gave this estimator's own."""
        self.state_ = fit.state
        self.loss_curve_ += fit.losses
        self.validation_loss_curve_ += fit.validation_losses
        self.n_iter_ = len(self.loss_curve_)
