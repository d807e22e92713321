"""The table and the name of each setting, and what to write in place of an unknown name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from barenet.config.names import NO_GPU, OTHER_WORDS, SHORT_NAMES, all_paths, setting_hint
from barenet.config.tables import TABLES
from barenet.errors import ConfigError, closest, nearest
from barenet.nn.optimizers import OPTIMIZERS
from barenet.nn.schedules import SCHEDULES

__all__ = ["check_tables"]

OTHER_TABLES = {
    **dict.fromkeys(("train", "training", "trainer_kwargs"), "trainer"),
    **dict.fromkeys(("dataset", "dataloader", "dataloader_kwargs"), "data"),
    **dict.fromkeys(("network", "net", "mlp", "nn_architecture", "architecture"), "model"),
    **dict.fromkeys(("optim", "optimiser", "optimizer_kwargs", "solver"), "optimizer"),
    **dict.fromkeys(("scheduler", "lr_scheduler", "lr_schedule"), "schedule"),
}


def check_tables(tables: Mapping[str, Any], where: str) -> dict[str, dict[str, Any]]:
    """Return the tables of a file; raise ConfigError that says what to write where a name is unknown or misplaced."""
    for name, value in tables.items():
        if name not in TABLES:
            raise ConfigError(f"{where}: {explain_top(name, value)}")
        if not isinstance(value, dict):
            path = SHORT_NAMES.get(name)
            hint = f"; write {as_written(path, value)}" if path is not None else ""
            raise ConfigError(f"{where}: {name} must be a table of settings, got {value!r}{hint}")
        for setting, given in value.items():
            if setting not in TABLES[name].model_fields:
                raise ConfigError(f"{where}: {explain_setting(name, setting, given)}")
    return dict(tables)


def explain_top(name: str, value: Any) -> str:
    """Return what is wrong with a name at the top of a file that is not a known table."""
    if name in ("search", "space", "points"):
        return f"the table [{name}] belongs to a file of barenet search, not of settings"
    if isinstance(value, dict):
        likely = OTHER_TABLES.get(name.lower())
        return f"unknown table [{name}]; {f'did you mean {likely!r}?' if likely else nearest(name, TABLES)}"
    if name == "name":
        kinds = {"optimizer": list(OPTIMIZERS), "schedule": list(SCHEDULES)}
        tables = [table for table, known in kinds.items() if value in known]
        where = " or ".join(f"[{table}]" for table in tables or ("optimizer", "schedule"))
        return f"name = {value!r} stands outside its table; write it below {where}"
    path = meant(name, None)
    if path is None:
        return f"unknown setting {name}; {setting_hint(name)}"
    return f"{name} = {value!r} stands outside its table; write {as_written(path, value)}"


def explain_setting(table: str, name: str, value: Any) -> str:
    """Return what is wrong with a setting that its table does not have."""
    path = None if name.lower() in NO_GPU else meant(name, table)
    if path is None:
        return f"unknown setting {table}.{name}; {setting_hint(name, TABLES[table].model_fields)}"
    right_table, right_name = path.split(".")
    if right_name == name:
        return f"{name} belongs to the table {right_table}, not to {table}; write {as_written(path, value)}"
    return f"unknown setting {table}.{name}; did you mean {right_name!r}? Write {as_written(path, value)}"


def meant(name: str, table: str | None) -> str | None:
    """Return the dotted path of the setting that a name in a table, or at the top, probably means, or None.

    >>> meant("lr", "trainer"), meant("epoch", "trainer"), meant("batch-size", None), meant("sky", "data")
    ('optimizer.learning_rate', 'trainer.epochs', 'data.batch_size', None)
    """
    word = name.lower().replace("-", "_")
    paths = all_paths()
    leaves = {path.split(".")[1]: path for path in paths if not path.endswith(".name")}
    fields = TABLES[table].model_fields if table is not None else {}
    if word in fields:
        return f"{table}.{word}"
    if exact := SHORT_NAMES.get(word) or leaves.get(word):
        return exact
    if other := OTHER_WORDS.get(word):
        return SHORT_NAMES.get(other) or leaves[other]
    if near := closest(word, fields):
        return f"{table}.{near}"
    near = closest(word, [*leaves, *SHORT_NAMES])
    return None if near is None else SHORT_NAMES.get(near) or leaves[near]


def as_written(path: str, value: Any) -> str:
    """Return what a settings file says for a setting, with the value if the setting accepts it.

    >>> as_written("optimizer.learning_rate", 0.1), as_written("trainer.patience", "yes")
    ('[optimizer] learning_rate = 0.1', '[trainer] patience = ...')
    """
    table, name = path.split(".")
    try:
        TABLES[table].model_validate({name: value})
        shown = json.dumps(value)  # texts, numbers, booleans and lists are written the same way in JSON and TOML
    except (ValidationError, TypeError):
        shown = "..."
    return f"[{table}] {name} = {shown}"
