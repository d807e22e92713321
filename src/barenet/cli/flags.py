"""One flag for every setting, made from the tables of settings, so that no setting is written down twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypedDict, get_args, get_origin

from cyclopts import Group, Parameter
from pydantic.fields import FieldInfo

from barenet.config.fields import Table
from barenet.config.names import setting_path
from barenet.config.reading import read_recipe
from barenet.config.tables import TABLES
from barenet.messages import as_typed

__all__ = ["SettingFlags", "flag_of", "make_panels", "make_search_flags", "read_flags", "typed_setting"]

# Short names of flags, shown beside the long ones. The course project's words are names of settings, not flags.
SHORT_FLAGS = (
    *("epochs", "lr", "batch_size", "hidden", "activation", "l2", "patience", "seed", "n_seeds"),
    *("optimizer", "momentum", "weight_decay", "clip_norm", "schedule", "decay_rate", "decay_step"),
    *("loss", "label_smoothing", "teacher", "teacher_weight", "normalization", "residual"),
    *("dropout", "mirror", "shift", "affine", "mixup"),
    *("data", "image_size", "color", "skip_broken", "label", "drop", "keep"),
)


def make_flags(table: str, defaults: Mapping[str, Any], is_shown: Callable[[str], bool]) -> Any:
    """Return a parameter type for cyclopts: a dictionary of those settings of a table that were given."""
    shorts = {setting_path(short): f"--{short.replace('_', '-')}" for short in SHORT_FLAGS}
    fields: dict[str, Any] = {}
    for name, field in TABLES[table].model_fields.items():
        if name == "layers":
            continue  # a list of tables can be in a settings file, not in a flag
        path = f"{table}.{name}"
        names = [f"--{path.replace('_', '-')}", *([shorts[path]] if path in shorts else [])]
        # Values stay text here: the validation of the settings reads them, so its messages are the ones people see.
        negative = [negative_of(flag) for flag in names]
        words = describe(field, defaults.get(name, field.default))
        parameter = Parameter(name=names, help=words, negative=negative, show=is_shown(path))
        fields[name] = Annotated[kind_of(field), parameter]
    return TypedDict(f"{table.title()}Flags", fields, total=False)  # type: ignore[operator]


def flag_of(setting: str) -> str:
    """Return the shortest flag of a setting.

    >>> flag_of("patience"), flag_of("learning_rate"), flag_of("beta1")
    ('--patience', '--lr', '--optimizer.beta1')
    """
    path = setting_path(setting)
    short = next((name for name in SHORT_FLAGS if setting_path(name) == path), path)
    return f"--{short.replace('_', '-')}"


def negative_of(flag: str) -> str:
    """Return the flag that switches a setting off.

    >>> negative_of("--mirror"), negative_of("--data.mirror")
    ('--no-mirror', '--data.no-mirror')
    """
    table, dot, name = flag.removeprefix("--").rpartition(".")
    return f"--{table}{dot}no-{name}"


def typed_setting(path: str, value: Any) -> str:
    """Return a setting, which `read_flags` has returned, as a person types it.

    >>> typed_setting("model.hidden_sizes", "64,32"), typed_setting("data.mirror", False)
    ('--hidden 64,32', '--no-mirror')
    """
    flag = flag_of(path)
    if isinstance(value, bool):
        return flag if value else negative_of(flag)
    return f"{flag} {as_typed(value)}"


def describe(field: FieldInfo, value: Any) -> str:
    """Return a setting's description, with its default value in brackets."""
    shown = ",".join(map(str, value)) if isinstance(value, list | tuple) else value
    return f"{field.description} [{shown}]" if shown is not None else str(field.description)


class INT(str):
    """Text that the settings read as a whole number; the help shows the name of this class as the flag's value."""


class FLOAT(str):
    """Text that the settings read as a number."""


class TEXT(str):
    """Text."""


def kind_of(field: FieldInfo) -> type:
    """Return the type of a flag's value on the command line."""
    kinds = {int: INT, float: FLOAT, bool: bool}
    annotation = field.annotation
    options = [option for option in (get_args(annotation) or (annotation,)) if option is not type(None)]
    plain = {get_args(option)[0] if get_origin(option) is Annotated else option for option in options}
    return kinds.get(plain.pop(), TEXT) if len(plain) == 1 else TEXT


TITLES = {
    "data": "Data",
    "model": "Model",
    "optimizer": "Optimizer",
    "schedule": "Learning-rate schedule",
    "trainer": "Trainer",
}


def make_panels(defaults: Mapping[str, Mapping[str, Any]], is_shown: Callable[[str], bool] = lambda path: True) -> Any:
    """Return the flags of all tables for cyclopts, with a panel in the help for each table, which shows the `defaults`.

    is_shown: whether the help shows a setting, by its dotted path; the flag of one that it does not show works too.
    """
    panels: dict[str, Any] = {}
    for position, (table, title) in enumerate(TITLES.items(), start=1):
        panel = Parameter(group=Group(title, sort_key=position), name="*")
        panels[table] = Annotated[make_flags(table, defaults.get(table, {}), is_shown), panel]
    return Annotated[TypedDict("SettingFlags", panels, total=False) | None, Parameter(name="*")]  # type: ignore[operator]


if TYPE_CHECKING:
    SettingFlags: TypeAlias = Mapping[str, Mapping[str, Any]] | None  # for a command: the settings by table
else:
    SettingFlags = make_panels(read_recipe("quick"))  # for cyclopts


def make_search_flags(table: type[Table]) -> Any:
    """Return the flags of a search's settings for cyclopts: a dictionary of those that were given."""
    fields: dict[str, Any] = {}
    for name, field in table.model_fields.items():
        words = describe(field, field.default)
        parameter = Parameter(name=f"--{name.replace('_', '-')}", help=words, negative="")
        fields[name] = Annotated[field.annotation, parameter]
    return Annotated[TypedDict("PlanFlags", fields, total=False) | None, Parameter(name="*")]  # type: ignore[operator]


def read_flags(flags: SettingFlags) -> dict[str, Any]:
    """Return the given settings by dotted path, text as plain strings, which every version of pydantic compares."""
    return {
        f"{table}.{name}": str(value) if isinstance(value, str) else value
        for table, given in (flags or {}).items()
        for name, value in given.items()
    }
