"""Build settings from a recipe, a TOML file and flags; each one replaces values of those before it.

A `Config` remembers which settings a person gave. A default may be reduced to fit the data; a given value may not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from barenet.config.kinds import Layer, fit_kinds
from barenet.config.model_table import LayerConfig
from barenet.config.places import check_tables
from barenet.config.reading import RECIPES, read_recipe, read_toml
from barenet.config.tables import Config
from barenet.errors import ConfigError, nearest

__all__ = ["BEFORE", "build_config", "by_table", "complete_settings", "explain", "stored_settings", "take_recipe"]

# The values that earlier versions used, before these settings existed.
BEFORE = {"trainer.engine": "numpy", "model.normalization": "none"}


def build_config(
    recipe: str | None = None,
    file: str | Path | Mapping[str, Any] | None = None,
    flags: Mapping[str, Any] | None = None,
    over: Mapping[str, Any] | None = None,
) -> Config:
    """Return validated settings of the recipe, replaced by those of the file, then of flags, then of `over`.

    Flags and `over` map dotted paths to values. The file may be given as its tables, and may name the recipe. The
    default recipe is quick.

    Raises:
        ConfigError: one line that names the setting, where it came from, the value, and what was expected.
    """
    where = "settings" if isinstance(file, Mapping) else str(file)
    tables: Mapping[str, Any] = {} if file is None else file if isinstance(file, Mapping) else read_toml(file)
    named, tables = take_recipe(tables, where, recipe)
    recipe = named or "quick"
    layers = [Layer(read_recipe(recipe), f"recipe {recipe}")]
    if file is not None:
        layers.append(Layer(check_tables(tables, where), where))
    layers += [Layer(by_table(given), "") for given in (flags, over) if given]
    config = lay_over(layers)
    config._origin = layers[0].where + (f" with {where}" if file is not None else "")
    config._recipe = recipe
    is_other = file is not None or config.optimizer.name != layers[0].get("optimizer.name")
    config._inherits = named is None and is_other
    return config


def stored_settings(path: Path, flags: Mapping[str, Any] | None = None) -> Config:
    """Return the settings in a run's config.toml, replaced by those of flags."""
    return complete_settings(check_tables(read_toml(path), str(path)), f"settings of {path.parent}", flags)


def complete_settings(
    tables: Mapping[str, Mapping[str, Any]], where: str, flags: Mapping[str, Any] | None = None
) -> Config:
    """Return the settings of tables that barenet wrote: each counts as given, so that none is chosen again."""
    stored = {**tables, **{table: {**old, **tables.get(table, {})} for table, old in by_table(BEFORE).items()}}
    layers = [Layer(read_recipe("quick"), "recipe quick"), Layer(stored, where, is_stored=True)]
    config = lay_over([*layers, *([Layer(by_table(flags), "")] if flags else [])])
    config._origin = layers[1].where  # the file holds all settings, so the recipe plays no part
    return config


def take_recipe(tables: Mapping[str, Any], where: str, recipe: str | None = None) -> tuple[str | None, dict[str, Any]]:
    """Return the recipe that settings start from, or None where none is named, and the tables without its name.

    Raises ConfigError where `recipe` and the file disagree.
    """
    rest = dict(tables)
    named = rest.pop("recipe", None)
    if named is None:
        return recipe, rest
    if not isinstance(named, str) or named not in RECIPES:
        raise ConfigError(f"{where}: unknown recipe {named!r}; {nearest(str(named), RECIPES)}")
    if recipe is not None and recipe != named:
        raise ConfigError(f"{where} names the recipe {named}, but {recipe} was chosen; leave out one of them")
    return named, rest


def by_table(flags: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return settings by dotted path as tables."""
    tables: dict[str, dict[str, Any]] = {}
    for path, value in flags.items():
        table, name = path.split(".")
        tables.setdefault(table, {})[name] = value
    return tables


def lay_over(layers: Sequence[Layer]) -> Config:
    """Return the settings of layers, where each replaces values of those before; all but the first count as given."""
    tables: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for layer in layers:
        for table, settings in layer.tables.items():
            replace_layers(tables, table, settings)
            if layer is not layers[0]:
                sources |= {f"{table}.{name}": f"in {layer.where}" if layer.where else "" for name in settings}
    replaced, notes = fit_kinds(layers)
    for path, value in replaced.items():
        table, name = path.split(".")
        tables[table].pop(name, None)
        sources.pop(path, None)
        if value is not None:
            tables[table][name] = value
    try:
        config = Config.model_validate(tables)
    except ValidationError as error:
        raise ConfigError(explain(error, sources)) from None
    config._given = frozenset(sources)
    config._notes = tuple(notes)
    return config


def replace_layers(tables: dict[str, Any], table: str, settings: Mapping[str, Any]) -> None:
    """Replace settings of a table; the short and the long form of an architecture replace each other."""
    target = tables.setdefault(table, {})
    if table == "model" and {"hidden_sizes", "activation"} & set(settings) and "layers" not in settings:
        rows = target.pop("layers", None)
        if rows is not None and "hidden_sizes" not in settings:  # new activations for the same layers
            target["hidden_sizes"] = [row.get("output_dim") for row in rows[:-1] if isinstance(row, Mapping)]
    target.update(settings)


# What each of pydantic's kinds of error expected, in words; messages of other kinds are used as they are.
EXPECTED = {
    "float_type": "a number",
    "float_parsing": "a number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "model_type": "a table of input_dim, output_dim and activation",
}


def explain(error: ValidationError, sources: Mapping[str, str]) -> str:
    """Return the first of pydantic's errors as one line: setting, value, what was expected."""
    first = error.errors(include_url=False)[0]
    kind, value, place = first["type"], first["input"], first["loc"]
    path = ".".join(map(str, place[:2]))
    where = f" ({sources[path]})" if sources.get(path) else ""
    if kind == "extra_forbidden" and len(place) <= 2:
        return f"unknown setting {path}{where}"
    entry = f"entry {int(place[2]) + 1}" if len(place) > 2 else ""
    key = str(place[3]) if len(place) > 3 else ""
    if kind == "missing":
        return f"{path}: {entry} has no {key}{where}"
    if kind == "extra_forbidden":
        return f"{path}: {entry} has an unknown {key!r}; {nearest(key, LayerConfig.model_fields)}{where}"
    subject = f"{path}: {key + ' of ' if key else ''}{entry}" if entry else path
    if kind == "value_error":
        message = str(first["ctx"]["error"])
        if message.startswith("must"):
            return f"{subject} {message}, got {value!r}{where}"
        return f"{path}: {message}{where}" if path else message
    expected = EXPECTED.get(kind) or first["msg"].removeprefix("Input should be ")
    return f"{subject} must be {expected}, got {value!r}{where}"
