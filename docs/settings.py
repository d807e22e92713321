"""Write docs/settings.md: all settings in tables, made from their declarations in the code.

python docs/settings.py
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from barenet.cli.flags import TITLES, flag_of
from barenet.config.fields import Table
from barenet.config.kinds import KINDS
from barenet.config.model_table import LayerConfig
from barenet.config.reading import RECIPES, read_recipe
from barenet.config.tables import TABLES
from barenet.nn import ACTIVATIONS, INITIALIZERS, LOSSES, OPTIMIZERS, SCHEDULES
from barenet.tuning.space.plan import Plan

PAGE = Path(__file__).parent / "settings.md"

BEGINNING = """# All settings

`python docs/settings.py` writes this page from the declarations in [`src/barenet/config`](../src/barenet/config).

There are three ways to give a setting:

- **As a flag**: `barenet train --lr 0.01`. The tables give the shortest flag. Each setting also has a flag that begins
  with its table: `--optimizer.learning-rate 0.01`. The form with `no-` switches a setting off: `--no-mirror`,
  `--data.no-standardize`.
- **In a settings file**, `barenet train my.toml`. The name before the dot is the table:

      [optimizer]
      learning_rate = 0.01

- **In Python**: `barenet.train(learning_rate=0.01, optimizer="sgd")`. Here `optimizer` and `schedule` stand for their
  names.

A flag replaces a value of the settings file, and the file replaces a value of the recipe. A setting that none of them
gives has the default. An optimizer or a schedule that is not the recipe's brings its defaults; the learning rate is
then RATES.

`barenet train --dry-run` prints the settings that training uses, without those that have no value (– in the tables).
"""

# What the descriptions in the code leave to the list of names behind them, or do not say.
WORDS = {
    "model.initializer": "How weights start.",
    "model.loss": "The loss that training makes small.",
    "optimizer.name": "How gradients change the weights.",
    "schedule.name": "How the learning rate changes over time.",
    "layers.input_dim": "How many numbers the layer takes.",
    "layers.output_dim": "How many numbers the layer gives.",
    "layers.activation": "The activation function.",
    "layers.normalization": "The normalisation before the activation.",
    "layers.residual": "Add what the layer takes to what it gives.",
}
LIMITS = {
    "data.drop": "names or numbers",
    "data.keep": "names or numbers",
    "data.path": "a path",
    "model.teacher": "a path",
    "model.activation": ", ".join(ACTIVATIONS),
    "layers.activation": ", ".join(ACTIVATIONS),
    "model.initializer": ", ".join(INITIALIZERS),
    "model.loss": ", ".join(LOSSES),
    "optimizer.name": ", ".join(OPTIMIZERS),
    "schedule.name": ", ".join(SCHEDULES),
    "data.image_size": "sides of 1 to 4,096",
    "data.label": "a name or a number",
    "data.mixup": "0, or 0.01 to 1",
    "data.n_valid": "1 or more, or a fraction between 0 and 1",
    "model.class_weight": "balanced, or factors of 0 or more",
    "model.layers": "a list of rows",
}
PAGES = {
    "data.path": "your-own-data.md",
    "data.image_size": "your-own-data.md#pictures",
    "data.color": "your-own-data.md#pictures",
    "data.skip_broken": "your-own-data.md#pictures",
    "data.label": "your-own-data.md#tables",
    "data.drop": "your-own-data.md#tables",
    "data.keep": "your-own-data.md#tables",
    "data.standardize": "your-own-data.md#arrays-in-python",
    "data.unknown": "your-own-data.md#tables",
    "data.mirror": "what-helps.md#changed-images",
    "data.shift": "how-it-works.md#dropout-moved-and-mixed-images",
    "data.affine": "how-it-works.md#dropout-moved-and-mixed-images",
    "data.mixup": "how-it-works.md#dropout-moved-and-mixed-images",
    "model.normalization": "how-it-works.md#layer-normalisation",
    "model.residual": "how-it-works.md#residual-connections",
    "model.layers": "#a-row-of-modellayers",
    "model.label_smoothing": "what-helps.md#soft-labels",
    "model.teacher": "how-it-works.md#a-teacher",
    "model.teacher_weight": "how-it-works.md#a-teacher",
    "model.dropout": "how-it-works.md#dropout-moved-and-mixed-images",
    "model.input_dropout": "how-it-works.md#dropout-moved-and-mixed-images",
    "optimizer.name": "how-it-works.md#from-gradients-to-new-weights",
    "optimizer.learning_rate": "search.md#how-to-choose-a-learning-rate",
    "optimizer.l2": "how-it-works.md#l2",
    "optimizer.weight_decay": "what-helps.md#weight-decay-and-l2",
    "schedule.name": "how-it-works.md#the-learning-rate",
    "schedule.minimum": "how-it-works.md#the-learning-rate",
    "trainer.seed": "architecture.md#contracts",
    "trainer.n_seeds": "report.md#several-seeds",
    "trainer.threads": "how-it-works.md#a-step-in-two-phases",
    "trainer.engine": "compiled-engine.md",
    "search.halving": "search.md#strategies",
    "search.repeats": "search.md#how-sure-is-the-ranking",
    "search.strategy": "search.md#strategies",
}


def main() -> None:
    """Write the page."""
    PAGE.write_text(make_page(), "utf-8")


def make_page() -> str:
    """Return the whole page."""
    rates = ", ".join(f"{kind.usual_rate:g} for {name}" for name, kind in OPTIMIZERS.items())
    parts = [
        BEGINNING.replace("RATES", rates),
        *(part_of(title, table, TABLES[table]) for table, title in TITLES.items()),
    ]
    parts.insert(3, part_of("A row of `model.layers`", "layers", LayerConfig))
    parts += [
        part_of("A search", "search", Plan, SEARCH),
        "\n".join(["## What the recipes set", "", *rows_of_recipes(), ""]),
    ]
    return "\n".join(parts)


SEARCH = "Of `barenet search`: flags, the table `[search]` of a space, or keywords of `barenet.search`."


def part_of(title: str, table: str, declared: type[Table], words: str = "") -> str:
    """Return the part of the page about one table of settings."""
    rows = [row_of(f"{table}.{name}", field) for name, field in declared.model_fields.items()]
    head = ["| setting | flag | default | allowed | what it does |", "|---|---|---|---|---|"]
    return "\n".join([f"## {title}", "", *([words, ""] if words else []), *head, *rows, ""])


def row_of(path: str, field: FieldInfo) -> str:
    """Return the row of one setting."""
    words = WORDS.get(path) or str(field.description)
    link = f" ([more]({PAGES[path]}))" if path in PAGES else ""
    default = "needed" if field.is_required() else shown(field.default)
    cells = [f"`{path}`", flag(path), default, LIMITS.get(path) or limits(field), words + owners(path, words) + link]
    return f"| {' | '.join(cells)} |"


def owners(path: str, words: str) -> str:
    """Return in words which kinds of a choice have a setting, nothing where all have it or its `words` say so."""
    for choice, kind in KINDS.items():
        table = choice.split(".")[0]
        having = [name for name in kind.owned if kind.has(name, path)]
        if path in kind.governed(table) and not {*having} <= {*re.findall(r"\w+", words)}:
            return f" Only for {', '.join(having)}."
    return ""


def flag(path: str) -> str:
    """Return the shortest flag of a setting, nothing for what only a settings file can hold."""
    table, _, name = path.partition(".")
    if table == "layers" or name == "layers":
        return ""
    return f"`--{name.replace('_', '-')}`" if table == "search" else f"`{flag_of(path)}`"


def shown(value: Any) -> str:
    """Return a value as a flag takes it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) or "[]" if isinstance(value, list | tuple) else str(value)


def limits(field: FieldInfo) -> str:
    """Return which values a setting may have, as its type says; of names all that are known."""
    bounds: dict[str, float] = {}
    for part in (field, *parts_of(field.annotation)):
        if get_origin(part) is Literal:
            return ", ".join(get_args(part))
        for rule in getattr(part, "metadata", getattr(part, "__metadata__", ())):
            for sign in ("gt", "ge", "lt", "le"):
                for one in (rule, *getattr(rule, "metadata", ())):
                    if getattr(one, sign, None) is not None:
                        bounds[sign] = getattr(one, sign)
    if not bounds:
        return "true, false" if bool in parts_of(field.annotation) else ""
    is_whole = int in parts_of(field.annotation)
    least = bounds.get("ge", bounds.get("gt", 0) + 1 if is_whole else None)
    lower = f"above {bounds['gt']:g}" if least is None else f"{least:,g}"
    if "le" in bounds:
        return f"{lower} to {bounds['le']:,g}"
    if "lt" in bounds and not is_whole:
        return f"{lower} or more, below {bounds['lt']:g}"
    return lower if least is None else f"{lower} or more"


def parts_of(annotation: Any) -> Iterator[Any]:
    """Yield a type and all types that it is made of."""
    yield annotation
    for part in () if get_origin(annotation) is Literal else get_args(annotation):
        yield from parts_of(part)


def rows_of_recipes() -> list[str]:
    """Return the table of the settings in which recipes differ from the defaults."""
    recipes = {name: read_recipe(name) for name in RECIPES}
    rows = ["The default stands where a recipe sets nothing.", ""]
    rows += [
        f"| setting | default | {' | '.join(f'`{name}`' for name in RECIPES)} |",
        "|---" * (len(RECIPES) + 2) + "|",
    ]
    for table, declared in TABLES.items():
        for name, field in declared.model_fields.items():
            values = [recipe.get(table, {}).get(name) for recipe in recipes.values()]
            if any(value not in (None, field.default) for value in values):
                cells = [shown(field.default), *("" if value is None else shown(value) for value in values)]
                rows.append(f"| `{table}.{name}` | {' | '.join(cells)} |")
    return rows


if __name__ == "__main__":
    main()
