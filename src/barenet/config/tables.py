"""All settings of a run: five frozen tables, validated once at the border.

That of the network is in `model_table`. How a value is read is left to `fields`; where settings come from, and how a
wrong one is explained, to `sources`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from barenet.config.fields import (
    Fraction,
    Mixup,
    NonNegative,
    Positive,
    Side,
    Table,
    declared,
    one_of,
    read_column,
    read_columns,
    read_image_size,
    read_n_valid,
    read_path,
)
from barenet.config.model_table import ModelConfig
from barenet.nn import OPTIMIZERS, SCHEDULES, hyperparameters

__all__ = ["TABLES", "Config"]


class DataConfig(Table):
    """Which images, how they are split, how they are handed over."""

    path: Annotated[str | None, BeforeValidator(read_path)] = Field(
        None, description="Folder or file: pictures, a table, IDX, .npz, CIFAR, ...; without it, Fashion-MNIST."
    )
    image_size: Annotated[tuple[Side, Side] | None, BeforeValidator(read_image_size)] = Field(
        None, description="Height x width of pictures, 32 or 32x48; without it the commonest, at most 64."
    )
    color: bool | None = Field(None, description="Read pictures in colour; grey by default.")
    skip_broken: bool | None = Field(
        None, description="Leave out pictures that cannot be read; by default, they are an error."
    )
    transpose: bool | None = Field(None, description="Swap height and width of every image; on for EMNIST.")
    label: Annotated[str | int | None, BeforeValidator(read_column)] = Field(
        None, description="Column of a table that holds the labels: its name, or its number from 1; guessed without it."
    )
    drop: Annotated[tuple[str, ...], BeforeValidator(read_columns)] = Field(
        (), description="Columns of a table to leave out: names or numbers, such as id,name."
    )
    keep: Annotated[tuple[str, ...], BeforeValidator(read_columns)] = Field(
        (), description="Columns to take although they count or name the rows."
    )
    standardize: bool | None = Field(
        None, description="Bring each feature to mean 0, deviation 1; on for tables, off for images."
    )
    unknown: Literal["error", "zeros"] = Field(
        "error", description="A text in a table that training never saw: error, or zeros for none of its values."
    )
    n_valid: Annotated[int | float, BeforeValidator(read_n_valid)] = Field(
        5000, description="Images held out for validation: a count, or a fraction of the training file."
    )
    split_seed: int = Field(0, ge=0, description="Seed of the validation split, and of nothing else.")
    batch_size: Positive = Field(128, description="Images in a mini-batch.")
    mirror: bool | None = Field(None, description="Mirror half of the images in each epoch; on for Fashion-MNIST.")
    shift: int = Field(0, ge=0, le=4096, description="Shift each image by up to so many pixels, anew in each epoch.")
    affine: float = Field(
        0.0, ge=0, le=0.5, description="Stretch, turn and slant each image by up to this share of its size."
    )
    mixup: Mixup = Field(0.0, description="Mix pairs of images and labels, with shares from Beta(mixup, mixup).")

    def reading(self) -> dict[str, Any]:
        """Return which data to load and how, as keywords of `load_dataset`."""
        switches = {"color": bool(self.color), "skip_broken": bool(self.skip_broken), "transpose": self.transpose}
        return {"path": self.path, "image_size": self.image_size, **switches, **self.columns()}

    def columns(self) -> dict[str, Any]:
        """Return what is said about the columns of a table, as keywords of `load_dataset` and `from_arrays`."""
        return {name: getattr(self, name) for name in ("label", "drop", "keep", "standardize", "unknown")}


class OptimizerConfig(Table):
    """How gradients become new weights."""

    name: Annotated[str, one_of(OPTIMIZERS, "optimizer")] = Field("adamw", description=f"{', '.join(OPTIMIZERS)}.")
    learning_rate: float = Field(0.002, gt=0, allow_inf_nan=False, description="The highest rate of the schedule.")
    momentum: float = declared(hyperparameters.MOMENTUM)
    nesterov: bool = declared(hyperparameters.NESTEROV)
    beta1: float = declared(hyperparameters.BETA1)
    beta2: float = declared(hyperparameters.BETA2)
    epsilon: float = declared(hyperparameters.EPSILON)
    l2: float = declared(hyperparameters.L2)
    weight_decay: float = declared(hyperparameters.WEIGHT_DECAY)
    clip_norm: float | None = declared(hyperparameters.CLIP_NORM)
    average_decay: Fraction = Field(0.0, description="Moving average of the weights, used to evaluate; 0 for none.")

    @model_validator(mode="after")
    def check_kind(self) -> OptimizerConfig:
        """Refuse Nesterov's kind of no momentum; what belongs to another optimizer, `kinds` refuses."""
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs momentum above 0, got momentum = 0.0")
        return self


class ScheduleConfig(Table):
    """The learning rate over time."""

    name: Annotated[str, one_of(SCHEDULES, "schedule")] = Field("constant", description=f"{', '.join(SCHEDULES)}.")
    decay_rate: float = declared(hyperparameters.DECAY_RATE)
    decay_step: int = declared(hyperparameters.DECAY_STEP)
    minimum: float = declared(hyperparameters.MINIMUM)
    warmup_epochs: NonNegative = Field(0.0, description="Epochs, or a part of one, in which the rate rises linearly.")


class TrainerConfig(Table):
    """How long, how often, how many."""

    epochs: Positive = Field(30, description="Passes over the training images.")
    eval_every: Positive = Field(1, description="Epochs between validations.")
    keep_best: Positive = Field(3, description="How many of the best weights to keep.")
    metric: Literal["acc", "loss"] = Field("acc", description="What best means on validation: acc or loss.")
    patience: Positive | None = Field(
        None, description="Stop after this many validations without a better one; by default, never."
    )
    seed: int = Field(0, ge=0, description="Seed of initialisation, order and augmentation.")
    n_seeds: Positive = Field(1, description="Networks trained together, with seeds seed, seed + 1, ...")
    threads: Positive | None = Field(
        None, description="The most threads to use; by default one a core. It decides speed alone."
    )
    engine: Literal["auto", "numpy", "compiled"] = Field(
        "auto", description="What computes: numpy; compiled, kernels by Numba; auto, what is installed."
    )


class Config(Table):
    """All settings of a run."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    trainer: TrainerConfig = TrainerConfig()
    _given: frozenset[str] = PrivateAttr(frozenset())
    _origin: str = PrivateAttr("")
    _notes: tuple[str, ...] = PrivateAttr(())
    _recipe: str = PrivateAttr("")
    _inherits: bool = PrivateAttr(False)

    @model_validator(mode="after")
    def check_schedule(self) -> Config:
        """Refuse a schedule that ends above where it began, or warm up for longer than there is training."""
        schedule, rate = self.schedule, self.optimizer.learning_rate
        if schedule.name in ("cosine", "exponential") and schedule.minimum > rate:
            raise ValueError(f"schedule.minimum = {schedule.minimum:g} is above optimizer.learning_rate = {rate:g}")
        if schedule.warmup_epochs > self.trainer.epochs:
            warmup, epochs = schedule.warmup_epochs, self.trainer.epochs
            raise ValueError(f"schedule.warmup_epochs = {warmup:g} is more than trainer.epochs = {epochs}")
        return self

    def is_given(self, path: str) -> bool:
        """Whether a person, and not a default or a recipe, chose the setting at `path` ("data.n_valid")."""
        return path in self._given

    def as_given(self, *paths: str) -> Config:
        """Return a copy in which the settings at `paths` count as given, so that training chooses none of them anew."""
        config = self.with_values()
        config._given = self._given | {*paths}
        return config

    @property
    def origin(self) -> str:
        """What the settings were laid over, in words: "recipe quick", "settings of runs/quick-1"."""
        return self._origin

    @property
    def notes(self) -> tuple[str, ...]:
        """What settings of a recipe or a file no longer apply, in sentences."""
        return self._notes

    @property
    def recipe(self) -> str:
        """The recipe that the settings were laid over, or nothing for those of a run."""
        return self._recipe

    @property
    def inherits(self) -> bool:
        """Whether a settings file or another optimizer was laid over a recipe that nobody named."""
        return self._inherits

    def with_values(self, **values: Any) -> Config:
        """Return a copy with settings replaced by dotted path, written with two underscores: `trainer__seed=1`."""
        tables = self.model_dump()
        for path, value in values.items():
            table, name = path.split("__")
            tables[table][name] = value
        config = Config.model_validate(tables)
        for name in ("_given", "_origin", "_notes", "_recipe", "_inherits"):
            setattr(config, name, getattr(self, name))
        return config

    def as_tables(self) -> dict[str, dict[str, Any]]:
        """Return the settings as TOML can hold them: settings that are None are left out."""
        return self.model_dump(mode="json", exclude_none=True)


TABLES: dict[str, type[Table]] = {name: field.annotation for name, field in Config.model_fields.items()}  # type: ignore[misc]
