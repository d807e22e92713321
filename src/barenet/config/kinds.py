"""What belongs to a kind of optimizer, schedule or loss, and so does not apply to another one.

Settings come in layers: a recipe, a file, flags, each over the one before. Where a layer chooses another kind, what the
layers below set for theirs no longer applies, and the new kind brings its own defaults. A layer that gives its own kind
a setting which that does not have is wrong, unless it only repeats the recipe, as a dry run's output does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from barenet.config.tables import TABLES
from barenet.errors import ConfigError
from barenet.nn.activations import CUSTOM
from barenet.nn.hyperparameters import names_of
from barenet.nn.optimizers import OPTIMIZERS
from barenet.nn.schedules import SCHEDULES

__all__ = ["KINDS", "Layer", "fit_kinds", "without_unfit"]

Tables = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Layer:
    """Settings from one place. where: the place in words; is_stored: written by barenet, so that nothing is wrong."""

    tables: Tables
    where: str
    is_stored: bool = False

    def get(self, path: str) -> Any:
        """Return the value of a setting by its dotted path, None where there is none."""
        table, name = path.split(".")
        return self.tables.get(table, {}).get(name)


@dataclass(frozen=True)
class Kind:
    """A choice by name. owned: the settings of each name; brought: those that follow its default.

    A setting of the table of the choice stands there by its name, one of another table by its dotted path.
    """

    owned: Mapping[str, tuple[str, ...]]
    brought: tuple[str, ...] = ()
    refuses: bool = True  # whether another kind's setting is an error; of a loss, the loss itself says so

    def governed(self, table: str) -> list[str]:
        """Return the dotted paths of the settings that some have and others lack."""
        names = dict.fromkeys(name for owned in self.owned.values() for name in owned)
        governed = [name for name in names if any(name not in owned for owned in self.owned.values())]
        return [name if "." in name else f"{table}.{name}" for name in governed]

    def has(self, name: str, setting: str) -> bool:
        """Whether the kind of this name has a setting, by its dotted path."""
        owned = self.owned.get(name, ())
        return setting in owned or setting.partition(".")[2] in owned


KINDS = {
    "optimizer.name": Kind({name: names_of(kind.hypers) for name, kind in OPTIMIZERS.items()}, ("learning_rate",)),
    "schedule.name": Kind(
        {name: names_of(kind.hypers) for name, kind in SCHEDULES.items()},
        (*dict.fromkeys(name for kind in SCHEDULES.values() for name in names_of(kind.hypers)), "warmup_epochs"),
    ),
    "model.loss": Kind(
        {"cross_entropy": ("label_smoothing", "teacher", "teacher_weight", "data.mixup"), "mse": (), "hinge": ()},
        refuses=False,
    ),
}


SIMILAR = {"weight_decay": ("l2",), "momentum": ("beta1",), "beta1": ("momentum",)}  # what another kind has instead


def fit_kinds(layers: Sequence[Layer]) -> tuple[dict[str, Any], list[str]]:
    """Return what replaces settings of the layers, by dotted path, None to leave one out; and notes about that.

    The first layer is the recipe. Raises ConfigError for a setting that the kind chosen beside it does not have.
    """
    replaced: dict[str, Any] = {}
    notes: list[str] = []
    for path, kind in KINDS.items():
        top = max((i for i, layer in enumerate(layers) if layer.get(path) is not None), default=None)
        name = None if top is None else layers[top].get(path)
        if top is None or not isinstance(name, str) or not (name in kind.owned or name.startswith(CUSTOM)):
            continue
        unused, lost = fit_one(path, kind, layers, top)
        replaced |= lost
        sentence = describe(path, layers, unused, lost)
        if sentence and not any(layer.is_stored for layer in layers):
            notes.append(sentence)
    return replaced | rows_alone(layers), notes


def rows_alone(layers: Sequence[Layer]) -> dict[str, None]:
    """Return what is left out because rows of a network say it, where these are laid over settings that say it."""
    tops = [i for i, layer in enumerate(layers) if layer.get("model.layers") is not None]
    below, above = (layers[: tops[-1]], layers[tops[-1] :]) if tops else ([], [])
    return {
        setting: None
        for setting in ("model.normalization", "model.residual")
        if any(layer.get(setting) is not None for layer in below) and all(layer.get(setting) is None for layer in above)
    }


def fit_one(
    path: str, kind: Kind, layers: Sequence[Layer], top: int
) -> tuple[list[tuple[str, Any, str]], dict[str, Any]]:
    """Return what is given but does not apply, as (setting, value, where), and what replaces settings."""
    table, name = path.partition(".")[0], str(layers[top].get(path))
    unused: list[tuple[str, Any, str]] = []
    lost: dict[str, Any] = {}
    for setting in kind.governed(table):
        if kind.has(name, setting):
            continue
        for i, layer in enumerate(layers):
            value = read(setting, layer.get(setting))
            if value is None or layer.is_stored or value == default_of(setting):
                continue
            repeats = i > 0 and bool(layer.where) and value == layers[0].get(setting)
            if i < top or repeats:
                unused = [*(row for row in unused if row[0] != setting), (setting, value, layer.where)]
                lost[setting] = None
            elif kind.refuses:
                raise ConfigError(refusal(setting, value, kind, name, layer.where))
            else:
                lost.pop(setting, None)  # the value of this layer stays, and the loss refuses it
    before = layers[0].get(path)
    if before is not None and before != name:
        for own in kind.brought:
            setting = f"{table}.{own}"
            if all(layer.get(setting) is None for layer in layers[1:]):
                lost[setting] = own_default(path, setting, name)
                value = layers[0].get(setting)
                if value is not None and own != "learning_rate" and setting not in {row[0] for row in unused}:
                    unused.append((setting, value, layers[0].where))
    return unused, lost


def describe(
    path: str, layers: Sequence[Layer], unused: Sequence[tuple[str, Any, str]], lost: Mapping[str, Any]
) -> str:
    """Return a note about what does not apply to a kind that was chosen over the recipe's, or nothing."""
    before, parts = layers[0].get(path), []
    name = next(value for layer in reversed(layers) if (value := layer.get(path)) is not None)
    for where in dict.fromkeys(row[2] for row in unused):
        own = [f"{setting} = {value}" for setting, value, place in unused if place == where]
        these = f"{', '.join(own)} of {where or 'the settings below'}"
        parts.append(f"{these} no longer apply" if len(own) > 1 else f"{these} no longer applies")
    if "optimizer.learning_rate" in lost:
        rate, own_rate = layers[0].get("optimizer.learning_rate"), lost["optimizer.learning_rate"]
        parts.append(f"learning rate {own_rate:g}, the default of {name}, in place of {rate:g}")
    elif path == "optimizer.name":
        parts += other_rates(layers, name)
    if not parts:
        return ""
    if path == "schedule.name" and name in ("step", "exponential") and lost.get("schedule.decay_rate") is not None:
        parts.append(f"without a schedule.decay_rate, such as 0.95, {name} keeps the rate constant")
    chosen = f"{path.removesuffix('.name').removeprefix('model.')} {name}"
    if before not in (None, name):
        return f"{chosen} in place of {before}: {'; '.join(parts)}"
    return f"{chosen}: {'; '.join(parts)}"


def other_rates(layers: Sequence[Layer], name: str) -> Iterator[str]:
    """Yield where a learning rate stands that was meant for another optimizer than `name`, which is used in the end."""
    meant_for, recipe_rate = layers[0].get("optimizer.name"), layers[0].get("optimizer.learning_rate")
    recipe_name = meant_for
    for layer in layers[1:]:
        meant_for = layer.get("optimizer.name") or meant_for
        rate = read("optimizer.learning_rate", layer.get("optimizer.learning_rate"))
        is_copied = recipe_name != name and bool(layer.where) and rate == recipe_rate
        if rate is not None and (meant_for != name or is_copied):
            place, other = layer.where or "the settings below", recipe_name if is_copied else meant_for
            own = OPTIMIZERS[name].usual_rate
            yield f"learning_rate = {rate} of {place} is that of {other}; the default of {name} is {own:g}"


def refusal(setting: str, value: Any, kind: Kind, name: str, where: str) -> str:
    """Return the message about a setting that the chosen kind does not have."""
    own = setting.partition(".")[2]
    owners = [other for other, owned in kind.owned.items() if own in owned]
    has = next((other for other in SIMILAR.get(own, ()) if other in kind.owned[name]), f"no {own}")
    place = f" (in {where})" if where else ""
    return f"{setting} = {value} belongs to {' and '.join(owners)}; {name} has {has}: leave it out{place}"


def without_unfit(lower: Mapping[str, Any], higher: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings by dotted path without those that a kind chosen in `higher`, over them, does not have."""
    kept = dict(lower)
    for path, kind in KINDS.items():
        name = higher.get(path)
        if not isinstance(name, str) or name not in kind.owned or name == lower.get(path):
            continue
        for setting in kind.governed(path.split(".")[0]):
            if not kind.has(name, setting):
                kept.pop(setting, None)
    return kept


def own_default(path: str, setting: str, name: str) -> Any:
    """Return the default that a kind brings for a setting."""
    if path == "optimizer.name":
        return OPTIMIZERS[name].usual_rate
    return default_of(setting)


def default_of(setting: str) -> Any:
    """Return the default of a setting in its table."""
    table, name = setting.split(".")
    return TABLES[table].model_fields[name].default


def read(setting: str, value: Any) -> Any:
    """Return a value as the settings read it, None for one that they would refuse."""
    table, name = setting.split(".")
    beside = {"momentum": 0.5} if name == "nesterov" else {}  # which it needs
    try:
        return None if value is None else getattr(TABLES[table].model_validate({**beside, name: value}), name)
    except ValidationError:
        return None
