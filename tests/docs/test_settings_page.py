"""docs/settings.md: what `python docs/settings.py` writes, complete, and true of the command line and of the checks."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from barenet.cli.application import app
from barenet.config.model_table import LayerConfig
from barenet.config.sources import build_config
from barenet.config.tables import TABLES, Config
from barenet.errors import ConfigError
from barenet.tuning.space.plan import Plan

FOLDER = Path(__file__).parents[2] / "docs"
TEXT = (FOLDER / "settings.md").read_text("utf-8")
DECLARED = {**TABLES, "layers": LayerConfig, "search": Plan}
SETTINGS, _, RECIPES = TEXT.partition("## What the recipes set")


def rows_of(text):
    """Return the cells of the rows of tables that begin with a setting, by that setting."""
    rows = [
        [cell.strip(" `") for cell in row.strip("|").split("|")] for row in re.findall(r"^\| `.*", text, re.MULTILINE)
    ]
    assert len({name for name, *_ in rows}) == len(rows) > 20
    return {name: cells for name, *cells in rows}


FLAG, DEFAULT, ALLOWED = range(3)
ROWS = rows_of(SETTINGS)


def test_the_page_is_what_the_declarations_give():
    written = runpy.run_path(str(FOLDER / "settings.py"))["make_page"]()
    assert written == TEXT, "python docs/settings.py writes it anew"


def test_each_setting_has_one_row():
    assert sorted(ROWS) == sorted(f"{table}.{name}" for table, own in DECLARED.items() for name in own.model_fields)


@pytest.mark.parametrize(("command", "tables"), [("train", {*TABLES}), ("search", {"search"})])
def test_the_flags_are_those_of_the_command(command, tables):
    known = {name for argument in app[command].assemble_argument_collection() for name in argument.names}
    flags = {name: cells[FLAG] for name, cells in ROWS.items() if name.split(".")[0] in tables}
    assert [name for name, flag in flags.items() if not flag] == ["model.layers"] * (command == "train")
    assert {*flags.values()} - known <= {""}


COUNTED = [name for name in ROWS if re.match(r"[\d,]+ (or more|to)", ROWS[name][ALLOWED]) and "layers" not in name]


@pytest.mark.parametrize("name", COUNTED)
def test_the_least_value_is_allowed_and_a_smaller_one_is_not(name):
    table, setting = name.split(".")
    least = int(re.match(r"[\d,]+", ROWS[name][ALLOWED])[0].replace(",", ""))
    is_fraction = isinstance(DECLARED[table].model_fields[setting].default, float)
    DECLARED[table].model_validate({setting: least})
    with pytest.raises(ValueError):
        DECLARED[table].model_validate({setting: least - (0.001 if is_fraction else 1)})


@pytest.mark.parametrize(
    ("name", "allowed", "refused"),
    [
        ("data.mixup", (0, 0.01, 1), (0.005, 1.01)),
        ("data.n_valid", (1, 0.01, 0.99), (0, 1.0, -0.1)),
        ("data.image_size", ("1", "4096x1"), ("0", "4097")),
        ("data.affine", (0, 0.5), (-0.01, 0.51)),
        ("data.shift", (0, 4096), (-1, 4097)),
        ("model.class_weight", ("balanced", "cat=0"), ("cat=-1", "half")),
        ("model.dropout", (0, 0.99), (1,)),
        ("model.teacher_weight", (0, 1), (1.01,)),
        ("optimizer.learning_rate", (1e-9,), (0,)),
    ],
)
def test_the_limits_are_those_of_the_page(name, allowed, refused):
    table, setting = name.split(".")
    for value in allowed:
        Config.model_validate({table: {setting: value}})
    for value in refused:
        with pytest.raises(ValueError):
            Config.model_validate({table: {setting: value}})


def test_the_table_of_recipes_says_what_a_run_gets():
    names = re.findall(r"`(\w+)`", re.search(r"\| setting .*", RECIPES)[0])
    assert names == ["quick", "course", "strong", "best", "ensemble"]
    configs, told = {name: build_config(name) for name in names}, rows_of(RECIPES)
    for path, (default, *cells) in told.items():
        table, setting = path.split(".")
        for name, cell in zip(names, cells, strict=True):
            value = getattr(getattr(configs[name], table), setting)
            words = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            assert words.lower().replace("none", "–") == (cell or default).replace("none", "–"), (name, path)
    for name, config in configs.items():
        for table, values in config.model_dump().items():
            plain = TABLES[table]().model_dump()
            assert {f"{table}.{own}" for own, value in values.items() if value != plain[own]} <= {*told}, name


def test_what_belongs_to_one_kind_is_refused_for_another():
    only = re.findall(r"^\| `optimizer\.(\w+)` .* Only for ([\w, ]+)\.", TEXT, re.MULTILINE)
    assert len(only) >= 4
    for setting, kinds in only:
        for kind in {"sgd", "adam", "adamw"} - {*kinds.split(", ")}:
            value = {"nesterov": True, "epsilon": 1e-6}.get(setting, 0.5)
            with pytest.raises(ConfigError, match="belongs to"):
                build_config(None, None, {"optimizer.name": kind, f"optimizer.{setting}": value})
