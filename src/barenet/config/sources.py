"""Settings from where a person wrote them: a recipe, a TOML file and flags, in that order of increasing weight.

A `Config` remembers which settings a person gave: a default that doesn't fit the data may shrink, a given one may not.
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

# What earlier versions did, which had no such setting.
BEFORE = {"trainer.engine": "numpy", "model.normalization": "none"}


def build_config(
    recipe: str | None = None,
    file: str | Path | Mapping[str, Any] | None = None,
    flags: Mapping[str, Any] | None = None,
    over: Mapping[str, Any] | None = None,
) -> Config:
    """Return validated settings: `over` over flags (both dotted path to value) over the file over the recipe.

    The file may be its tables, and may name the recipe to start from. Without any it is quick.

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
    """Return the settings that a run keeps in its config.toml, and flags over them."""
    return complete_settings(check_tables(read_toml(path), str(path)), f"settings of {path.parent}", flags)


def complete_settings(
    tables: Mapping[str, Mapping[str, Any]], where: str, flags: Mapping[str, Any] | None = None
) -> Config:
    """Return the settings of tables that barenet wrote: each counts as given, so that none is chosen anew."""
    stored = {**tables, **{table: {**own, **tables.get(table, {})} for table, own in by_table(BEFORE).items()}}
    layers = [Layer(read_recipe("quick"), "recipe quick"), Layer(stored, where, is_stored=True)]
    config = lay_over([*layers, *([Layer(by_table(flags), "")] if flags else [])])
    config._origin = layers[1].where  # the file holds them all, whatever the recipe was
    return config


def take_recipe(tables: Mapping[str, Any], where: str, recipe: str | None = None) -> tuple[str | None, dict[str, Any]]:
    """Return the recipe that settings start from, None where nothing says it, and the tables without its name.

    Raises ConfigError where `recipe` and the file disagree.
    """
    rest = dict(tables)
    named = rest.pop("recipe", None)
    if named is None:
        return recipe, rest
    if not isinstance(named, str) or named not in RECIPES:
        raise ConfigError(f"{where}: unknown recipe {named!r}; {nearest(str(named), RECIPES)}")
    if recipe is not None and recipe != named:
        raise ConfigError(f"{where} starts from the recipe {named}, and {recipe} is asked for; leave out one of them")
    return named, rest


def by_table(flags: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return settings by dotted path as tables."""
    tables: dict[str, dict[str, Any]] = {}
    for path, value in flags.items():
        table, name = path.split(".")
        tables.setdefault(table, {})[name] = value
    return tables


def lay_over(layers: Sequence[Layer]) -> Config:
    """Return the settings of layers, each over the one before; what any but the first has, a person gave."""
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
    """Lay settings over a table; the short and the long form of an architecture replace each other."""
    target = tables.setdefault(table, {})
    if table == "model" and {"hidden_sizes", "activation"} & set(settings) and "layers" not in settings:
        rows = target.pop("layers", None)
        if rows is not None and "hidden_sizes" not in settings:  # other activations for the layers that there are
            target["hidden_sizes"] = [row.get("output_dim") for row in rows[:-1] if isinstance(row, Mapping)]
    target.update(settings)


# What pydantic's kinds of error expected, in words; the other kinds say it well themselves.
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
    """Return the first of pydantic's complaints as one line: setting, value, what was expected."""
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
