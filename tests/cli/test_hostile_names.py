"""Names with control sequences or formulas, which a terminal or a spreadsheet would run, are shown as text."""

from __future__ import annotations

import csv
import io
import json
import os

import numpy as np
import pytest
from families import full, slow

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows allows no such names of files")
NAMES = ["\x1b]0;pwned\x07", "\x1b[2J", "[bold]x[/bold]", "\u202egpj"]
FOLDER = "\x1b]0;pwned\x07[red]\u202e\x9b2J"
SMALL = ("--data.n-valid", "40", "--batch-size", "20", "--hidden", "4", "--epochs", "1")
COMMANDS = {
    "train": ("train", *SMALL, "--data", "{table}", "--label", "{label}", "--name", "second"),
    "test": ("test", "run", "--data", "{others}"),
    "verify": ("verify", "run"),
    "report": ("report", "run"),
    "inspect": ("inspect", "run"),
    "playground": ("playground", "run"),
    "predict": ("predict", "run", "{rows}"),
    "export": ("export", "run", "--to", "numpy", "--force"),
    "gradcheck": ("gradcheck", "--data", "{table}", "--label", "{label}", "--data.n-valid", "40", "--hidden", "4"),
    "search": (
        *("search", *SMALL, "--data", "{table}", "--label", "{label}"),
        "--grid",
        "lr=0.1,0.01",
        "--workers",
        "0",
    ),
    "a folder that is not there": ("train", "--data", "{folder}-gone"),
    "a name of a run": ("test", "{folder}"),
    "an option": ("train", "--{folder}", "1"),
    "unexpected words": ("train", "a", "{folder}"),
    "a command": ("{folder}",),
    "a setting": ("train", "{settings}"),
    "a dry run": ("train", *SMALL, "--data", "{table}", "--label", "{label}", "--dry-run"),
    "as JSON": ("predict", "run", "{rows}", "--json"),
    "as CSV": ("predict", "run", "{rows}", "--csv"),
}
REFUSED = (
    "a folder that is not there",
    "a name of a run",
    "an option",
    "unexpected words",
    "a command",
    "a setting",
    "playground",
)
QUICK = ("train", "test", "predict", "a folder that is not there", "an option", "a command", "a setting", "as JSON")


@pytest.fixture(scope="module")
def home(tmp_path_factory, barenet):
    """A folder with a table of hostile names in a folder of such a name, and a run that was trained on it."""
    home = tmp_path_factory.mktemp("home")
    (home / FOLDER).mkdir()
    rng = np.random.default_rng(0)
    columns = [f"{name}{i}" for i, name in enumerate(NAMES)]
    labels = rng.integers(0, len(NAMES), 160)
    cells = [[*(f"{value:.3f}" for value in rng.normal(label, 0.1, len(columns))), NAMES[label]] for label in labels]
    for name, rows in (("table", cells), ("others", cells[:80]), ("rows", [row[:-1] for row in cells[:5]])):
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerows([columns + [NAMES[0]] * (name != "rows"), *rows])
        (home / FOLDER / f"{name}.csv").write_text(stream.getvalue(), "utf-8")
    (home / FOLDER / "my.toml").write_text(f"[trainer]\n{json.dumps(FOLDER)} = 1\n", "utf-8")
    arguments = fill(("train", *SMALL, "--data", "{table}", "--label", "{label}", "--name", "run"))
    done = barenet(*arguments, cwd=home)
    assert done.returncode == 0, ascii(done.stderr)
    return home


def fill(arguments):
    """Return the arguments of a command with the names in their places."""
    files = {name: f"{FOLDER}/{name}.csv" for name in ("table", "others", "rows")}
    return [part.format(**files, folder=FOLDER, settings=f"{FOLDER}/my.toml", label=NAMES[0]) for part in arguments]


@pytest.mark.parametrize("kind", [c if c in QUICK else slow(c) if c == "inspect" else full(c) for c in COMMANDS])
def test_each_command_shows_hostile_names_as_text(kind, barenet, home, drawn):
    done = barenet(*fill(COMMANDS[kind]), cwd=home)
    shown = done.stdout + done.stderr
    assert shown
    assert "this is a bug" not in shown
    assert done.returncode == (2 if kind in REFUSED else 0), ascii(shown)
    for line in shown.split("\n"):
        assert line.isprintable(), ascii(line)
    if kind in ("test", "predict"):
        assert "[bold]x[/bold]" in shown
