"""Make the settings of a trial from a point of the space."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from barenet.config.kinds import KINDS, Layer, fit_kinds
from barenet.config.reading import read_recipe
from barenet.config.sources import build_config, by_table
from barenet.config.tables import Config
from barenet.data.datasets import Dataset
from barenet.engine.making import settle_engine
from barenet.errors import ConfigError
from barenet.nn import SCHEDULES
from barenet.nn.architecture import Architecture, each_layer
from barenet.notes import logger
from barenet.run_folders.teaching import with_teacher
from barenet.training.lengths import resolve_batch_size, resolve_eval_every, resolve_normalization
from barenet.training.preparation import (
    TrainingData,
    architecture_of,
    loss_of,
    prepare,
    resolve_changes,
)
from barenet.tuning.space.dimensions import DEPTH, FIXED, NAME, OF_A_TRIAL, Point, Value, layer_number, target_of
from barenet.tuning.space.search_space import Space

__all__ = ["Base", "check_effects", "count_weights", "describe", "notes_of"]


@dataclass(frozen=True)
class Base:
    """The settings that all trials start from: a recipe, and the settings `given` over it, by dotted path."""

    recipe: str
    given: Mapping[str, Any] = field(default_factory=dict)

    def config(self) -> Config:
        """Return the base settings."""
        return build_config(self.recipe, None, self.given)

    def resolve(self, point: Point, resolved: Config, dataset: Dataset, n_train: int) -> Config:
        """Return the settings of a point, resolved and checked for the data.

        `resolved` are the base settings after `training.preparation.prepare`; all trials share their split and path.

        Raises ConfigError for settings that contradict each other or do not fit the data.
        """
        flags: dict[str, Any] = {}
        layers: Point = {}
        targets = {name: target_of(name) for name in point if name != NAME}
        has_sizes = "model.hidden_sizes" in targets.values()
        for name, target in targets.items():
            value = point[name]
            if "." in target:
                flags[target] = value
            else:
                layers[name] = value
        check_dimensions(layers, dataset)
        if layers:
            searched = flags.pop("model.activation", None)
            config = build_config(self.recipe, None, self.given, flags)
            flags |= choose_layers(config, layers, dataset, hidden_only=has_sizes)
            if searched is not None:  # it counts for the layers that are decided now
                flags["model.activation"] = searched
        config = build_config(self.recipe, None, self.given, flags)
        changes = resolve_changes(config, dataset)
        config = config.with_values(model__normalization=resolve_normalization(config, n_train))
        architecture = architecture_of(config, dataset.n_inputs, dataset.n_classes)
        batch_size = resolve_batch_size(config, architecture, n_train)
        shared = {f"data__{name}": value for name, value in vars(resolved.data).items() if name not in OF_A_TRIAL}
        # When a winner is retrained as a run, it must not train for more epochs than its trial, or use another metric.
        return config.as_given("trainer.epochs", "trainer.metric").with_values(
            **shared,
            data__batch_size=batch_size,
            **changes,
            trainer__eval_every=resolve_eval_every(config),
            trainer__metric=resolved.trainer.metric,
            trainer__n_seeds=1,
            trainer__threads=1,
            trainer__engine=resolved.trainer.engine,
        )

    def prepare(self, dataset: Dataset, metric: str, study: Path | None = None) -> tuple[Config, TrainingData]:
        """Return the base settings, resolved, and the split data that all trials share.

        study: the folder of a study that is resumed, which holds the probabilities of its teacher.
        """
        config = build_config(self.recipe, None, {**self.given, "trainer.metric": metric, "trainer.n_seeds": 1})
        if self.config().trainer.n_seeds != 1:
            raise ConfigError(
                "a trial is one network: --repeats, not n_seeds, trains the best settings with more seeds"
            )
        if config.trainer.threads not in (None, 1):
            logger.info("trials have one thread each; trainer.threads is ignored")
        custom = with_teacher(config, dataset, stored=study)
        config = config.as_given("trainer.epochs").with_values(trainer__threads=1)
        resolved, data = prepare(config, dataset, custom=custom)
        return settle_engine(resolved), data


def notes_of(base: Base, space: Space) -> Iterator[str]:
    """Yield notes on base settings that do not apply to an optimizer, a schedule or a loss that is searched."""
    known = list(base.config().notes)
    recipe = Layer(read_recipe(base.recipe), f"recipe {base.recipe}")
    for point in listed_settings(space) if space.listed else chosen_kinds(space):
        with suppress(ConfigError):  # a point that cannot be trained is refused, or recorded with its reason, later
            _, notes = fit_kinds([recipe, Layer(by_table(base.given), ""), Layer(by_table(point), "")])
            yield from (note for note in notes if note not in known)
            known += notes


def listed_settings(space: Space) -> Iterator[Mapping[str, Value]]:
    """Yield the settings of each listed point by dotted path, without those of single layers."""
    for point in space.listed:
        yield {path: value for name, value in point.items() if name != NAME and "." in (path := target_of(name))}


def chosen_kinds(space: Space) -> Iterator[Mapping[str, Value]]:
    """Yield each optimizer, schedule and loss that is searched, with a value of each searched setting that it has."""
    searched = {target_of(dimension.name): dimension for dimension in space}
    for path, kind in KINDS.items():
        for name in searched[path].choices if path in searched else ():
            if name not in kind.owned:
                continue  # `check_values` refuses it
            point = {path: name}
            for setting in (f"{path.partition('.')[0]}.{leaf}" for leaf in kind.brought):
                if setting in searched:
                    point[setting] = next(iter(searched[setting].choices), searched[setting].low)
            yield point


def check_dimensions(layers: Point, dataset: Dataset) -> None:
    """Remove the course project's input_dim and output_dim from `layers`; raise ConfigError if the images differ."""
    for name, actual in zip(FIXED, (dataset.n_inputs, dataset.n_classes), strict=True):
        if name in layers and layers.pop(name) != actual:
            what = "pixels" if name == "input_dim" else "classes"
            raise ConfigError(f"{name} must be {actual}, the number of {what} of {dataset.name}")


def choose_layers(config: Config, layers: Point, dataset: Dataset, *, hidden_only: bool = False) -> dict[str, Any]:
    """Return flags for an architecture in which some layers are as `layers` says, and the others as in the settings.

    hidden_only: no name means the last layer. Without it, activation_3 means the last one of a network with two hidden
    layers.
    """
    architecture = architecture_of(config, dataset.n_inputs, dataset.n_classes)
    sizes = [row.output_dim for row in architecture.hidden]
    *activations, last = (row.activation.name for row in architecture.rows)
    default_last = loss_of(config).output
    depth = int(layers.get(DEPTH, len(sizes)) or 0)
    if config.model.layers is None and not isinstance(config.model.activation, str):
        each_layer(config.model.activation, depth)  # raises where single names were given for another depth
    sizes = (sizes + [sizes[-1] if sizes else 64] * depth)[:depth]
    activations = (activations + [activations[-1] if activations else "relu"] * depth)[:depth]
    for name, value in layers.items():
        layer = layer_number(name)
        if layer is None:
            continue
        kind, number = layer
        if kind == "activation" and number == depth + 1 and not hidden_only:
            last = str(value)
        elif number > depth:
            raise ConfigError(f"there is no {name}: the network has {depth} hidden layer{'s' if depth != 1 else ''}")
        elif kind == "activation":
            activations[number - 1] = str(value)
        else:
            sizes[number - 1] = value  # type: ignore[assignment]  # the space has checked it
    if len(set(activations)) <= 1 and last == default_last:
        return {
            "model.hidden_sizes": sizes,
            "model.activation": activations[0] if activations else config.model.activation,
        }
    kind = next((row.normalization for row in architecture.hidden), "none")
    widths = [dataset.n_inputs, *sizes, dataset.n_classes]
    connected = any(row.residual for row in architecture.hidden)
    rows = Architecture.from_sizes(widths, [*activations, last], normalization=kind, residual=connected).as_dicts()
    return {"model.layers": rows, "model.normalization": "none", "model.residual": False}


def check_effects(space: Space, base: Config) -> None:
    """Raise ConfigError for a searched setting that the base settings would silently ignore."""
    searched = set(space.targets)
    if "schedule.name" in searched or space.listed:  # each listed point is checked separately
        return
    for path in KINDS["schedule.name"].governed("schedule"):
        users = [name for name in SCHEDULES if KINDS["schedule.name"].has(name, path)]
        if path in searched and base.schedule.name not in users:
            raise ConfigError(
                f"{path} has no effect with the schedule {base.schedule.name!r}; add --schedule.name {users[0]}"
            )


def count_weights(config: Config, dataset: Dataset) -> int:
    """Return the number of weights of a network: large networks start first, so that the last worker ends early."""
    return architecture_of(config, dataset.n_inputs, dataset.n_classes).n_weights


def describe(point: Mapping[str, Any], names: Sequence[str] | None = None) -> str:
    """Return a point in words: its name, or its settings with numbers in four digits, such as lr=0.05 ld=0.001.

    names: the settings to show, by default all.
    """
    if NAME in point:
        return str(point[NAME])
    shown = point if names is None else {name: point[name] for name in names if name in point}
    return " ".join(f"{name}={f'{value:.4g}' if isinstance(value, float) else value}" for name, value in shown.items())
