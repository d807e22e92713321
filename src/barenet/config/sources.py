"""Settings from where a person wrote them: a recipe, a TOML file and flags, in that order of increasing weight.

A `Config` remembers which settings a person gave: a default that doesn't fit the data may shrink, a given one may not.
"""

from __future__ import annotations

import codecs
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from barenet.config.names import setting_hint
from barenet.config.tables import TABLES, Config, LayerConfig
from barenet.errors import ConfigError, MachineError, nearest

__all__ = [
    "RECIPES",
    "build_config",
    "check_tables",
    "read_recipe",
    "read_toml",
]

RECIPES = ("quick", "course")
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_toml(path: str | Path) -> dict[str, Any]:
    """Return the tables of a settings file: UTF-8, or what `>` writes in an older PowerShell, UTF-16 with its mark."""
    try:
        content = Path(path).read_bytes()
        return tomllib.loads(content.decode("utf-16" if content.startswith(UTF16_MARKS) else "utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(
            f"no settings file {str(path)!r}; recipes are chosen with --recipe: {', '.join(RECIPES)}, data with --data"
        ) from None
    except IsADirectoryError:
        raise ConfigError(f"{path} is a folder, not a settings file; data are chosen with --data") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: not a TOML file: {error}; data are chosen with --data") from None
    except OSError as error:
        raise MachineError(f"cannot read {path}: {error.strerror}") from None


def read_recipe(name: str) -> dict[str, Any]:
    """Return the tables of a recipe of the package."""
    if name not in RECIPES:
        raise ConfigError(f"unknown recipe {name!r}; {nearest(name, RECIPES)}")
    return tomllib.loads((resources.files("barenet.config.recipes") / f"{name}.toml").read_text("utf-8"))


def build_config(
    recipe: str = "quick", file: str | Path | None = None, flags: Mapping[str, Any] | None = None
) -> Config:
    """Return validated settings: flags (dotted path to value) over the file over the recipe.

    Raises:
        ConfigError: one line that names the setting, where it came from, the value, and what was expected.
    """
    tables = read_recipe(recipe)
    recipe_optimizer = tables["optimizer"]["name"]
    sources: dict[str, str] = {}
    if file is not None:
        for table, settings in check_tables(read_toml(file), str(file)).items():
            replace_layers(tables, table, settings)
            sources |= {f"{table}.{name}": f"in {file}" for name in settings}
    asked: dict[str, dict[str, Any]] = {}
    for path, value in (flags or {}).items():
        table, name = path.split(".")
        asked.setdefault(table, {})[name] = value
        sources[path] = ""
    for table, settings in asked.items():
        replace_layers(tables, table, settings)
    drop_unfit(tables, recipe_optimizer, sources)
    try:
        config = Config.model_validate(tables)
    except ValidationError as error:
        raise ConfigError(explain(error, sources)) from None
    config._given = frozenset(sources)
    config._origin = f"recipe {recipe}" + (f" with {file}" if file is not None else "")
    return config


def drop_unfit(tables: dict[str, Any], recipe_optimizer: str, sources: Mapping[str, str]) -> None:
    """Drop what a recipe sets for its own optimizer and loss where a person chose others."""
    unfit = []
    if tables["optimizer"]["name"] != recipe_optimizer:
        unfit += ["optimizer.momentum", "optimizer.nesterov", "optimizer.weight_decay"]
    if tables["model"].get("loss", "cross_entropy") != "cross_entropy":
        unfit += ["model.label_smoothing"]
    for path in unfit:
        if path not in sources:
            table, name = path.split(".")
            tables[table].pop(name, None)


def replace_layers(tables: dict[str, Any], table: str, settings: Mapping[str, Any]) -> None:
    """Lay settings over a table; the short and the long form of an architecture replace each other."""
    target = tables.setdefault(table, {})
    if table == "model" and {"hidden_sizes", "activation"} & set(settings) and "layers" not in settings:
        target.pop("layers", None)
    target.update(settings)


def check_tables(tables: Mapping[str, Any], where: str) -> dict[str, dict[str, Any]]:
    """Return the tables of a file if each is known and is a table."""
    for name, value in tables.items():
        if name not in TABLES:
            home = next((table for table, model in TABLES.items() if name in model.model_fields), None)
            if home is not None and not isinstance(value, dict):
                raise ConfigError(f"{where}: {name} = {value!r} stands outside its table; put it below [{home}]")
            hint = nearest(name, TABLES)
            raise ConfigError(f"{where}: unknown table [{name}]; {hint}")
        if not isinstance(value, dict):
            raise ConfigError(f"{where}: {name} must be a table of settings, got {value!r}")
        for setting in value:
            if setting not in TABLES[name].model_fields:
                hint = setting_hint(setting, TABLES[name].model_fields)
                raise ConfigError(f"{where}: unknown setting {name}.{setting}; {hint}")
    return dict(tables)


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
