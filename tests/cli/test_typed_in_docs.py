"""Commands on the pages are understood, and each command is on a page."""

from __future__ import annotations

import copy
import functools
import re
import shlex
from pathlib import Path

import pytest
from advice import REMARK, ROOT
from cyclopts import App, CycloptsError
from families import slow_except

from barenet.cli.application import app
from barenet.cli.help_texts import COMMANDS

PAGES = sorted([*ROOT.glob("README*.md"), *(ROOT / "docs").rglob("*.md")])
# Sentences that only name a command, which is not complete.
NAMES = ("barenet ensemble", "barenet export")


@pytest.fixture(scope="module", autouse=True)
def _assembled_once():
    """Assemble the arguments of each command only once, since that takes longer than to parse a line."""
    assemble, assembled = App.assemble_argument_collection, {}

    def copied(command: App, **options):
        key = (command.name, *options.items())
        if key not in assembled:
            assembled[key] = assemble(command, **options)
        return copy.deepcopy(assembled[key])  # parsing changes it

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(App, "assemble_argument_collection", copied)
        yield


def command_lines(text: str) -> list[str]:
    """Return the commands on a page: lines of blocks that begin with barenet, and code in sentences and tables."""
    fenced = re.findall(r"^ *```(\w*)\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    blocks = [block for language, block in fenced if language in ("", "bash")]
    lines = [REMARK.split(line.strip().removeprefix("$ "))[0] for block in blocks for line in block.splitlines()]
    lines = [line.rpartition("&& ")[2] for line in lines]
    code = [
        " ".join(words.split()) for words in re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    ]
    return [line for line in (*lines, *code) if re.match(r"barenet [\w-]", line)]


@functools.cache
def fault_of(line: str) -> str | None:
    """Return why the command line does not understand a command, None if it does. The command is not run."""
    words = shlex.split(re.sub(r" [<>] \S+", "", line))[1:]
    if words[0] not in COMMANDS and words != ["--help"]:
        return f"{line}: no command"
    try:
        app.parse_args(words, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        return f"{line}: {' '.join(str(error).split())}"
    return None


@pytest.mark.parametrize("page", slow_except(PAGES, *PAGES[::4]), ids=lambda page: page.name)
def test_the_command_lines_of_a_page_are_understood(page: Path):
    faults = [fault_of(line) for line in dict.fromkeys(command_lines(page.read_text("utf-8"))) if line not in NAMES]
    assert [fault for fault in faults if fault] == []


def test_command_lines_are_found_in_blocks_tables_and_sentences():
    found = {line for page in PAGES for line in command_lines(page.read_text("utf-8"))}
    assert len(found) > 90
    assert {"barenet train", "barenet doctor", "barenet predict runs/quick-1 shoe.png photos/"} <= found
    assert 'barenet search $what --dask "$address"' in found
    assert "barenet train --recipe strong" in found


@pytest.mark.parametrize(
    "line",
    [
        "barenet train --epoch-count 5",
        "barenet trian",
        "barenet test --mirrored",
        "barenet train a.toml b.toml",
        "barenet search --trials many",
        "barenet export --format onnx",
    ],
)
def test_a_made_up_wrong_line_is_found(line):
    assert fault_of(line) is not None


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_table_of_the_readme_names_each_command(name):
    rows = re.findall(r"^\| .* \| .* \|$", (ROOT / name).read_text("utf-8"), re.MULTILINE)
    typed = {word for row in rows for word in re.findall(r"`barenet ([\w-]+)", row)}
    assert typed == {*COMMANDS}


def test_each_command_is_described_on_a_page_beside_the_readme():
    told = {
        line.split()[1]
        for page in PAGES
        if not page.name.startswith("README")
        for line in command_lines(page.read_text("utf-8"))
    }
    assert {*COMMANDS} <= told
