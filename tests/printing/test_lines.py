"""What is printed is escaped: no control codes of terminals, no markup, no cell that a spreadsheet runs."""

from __future__ import annotations

import csv
import io
import json
import tomllib

import pytest
import tomli_w
from rich.table import Table
from rich.text import Text

from barenet.messages import escaped
from barenet.printing.consoles import PlainConsole
from barenet.printing.lines import print_json, print_line, print_note, print_problem, print_toml, write_csv_row

HOSTILE = [
    "\x1b]0;pwned\x07",
    "\x1b[2J",
    "a\rb",
    "\u202egpj.exe",
    "\x9b31m",
    "a\u200db",
    "\u2028",
    "\udce9",
    "a\x00b",
    "\u2066x",
]
HARMLESS = [
    "Über",
    "数据 集",
    "a\u3000b",
    "a\xa0b",
    "می\u200cخواهم",
    "👩\u200d👧",
    "[bold]x[/bold]",
    "'=1",
    ":warning:",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_name_prints_as_its_escape(text, capsys):
    for show in (print_line, print_note, print_problem):
        show(f"x {text}\ny")
    out, err = capsys.readouterr()
    for line in (out + err).splitlines():
        assert line.isprintable()
        assert line.endswith("\\ny")
    assert len((out + err).splitlines()) == 3


@pytest.mark.parametrize("text", HARMLESS)
def test_names_in_other_languages_stay_as_they_are(text, capsys):
    print_line(text)
    assert capsys.readouterr().out == f"{text}\n"
    assert escaped(text) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_json_and_toml_are_escaped_and_read_back_the_same(text, capsys):
    print_json({text: [text]}, as_ascii=False)
    shown = capsys.readouterr().out
    assert shown.rstrip("\n").isprintable()
    assert json.loads(shown) == {text: [text]}
    if text != "\udce9":  # of which TOML has none
        print_toml(tomli_w.dumps({"a": text, "b": 1}))
        shown = capsys.readouterr().out
        assert all(line.isprintable() for line in shown.splitlines())
        assert tomllib.loads(shown) == {"a": text, "b": 1}


def shown_by(console_print):
    stream = io.StringIO()
    console_print(PlainConsole(file=stream, width=60, force_terminal=False))
    return stream.getvalue()


@pytest.mark.parametrize("text", [*HOSTILE, "[bold]x[/bold]", "[/nothing]", ":warning:"])
def test_a_console_shows_names_as_text_wherever_they_stand(text):
    def show(console):
        console.print(f"name {text}")
        console.print(Text(f"name {text}"))
        table = Table(text, title=text, box=None)
        table.add_row(text)
        table.add_row(Text(text))
        console.print(table)

    shown = shown_by(show)
    assert all(line.isprintable() for line in shown.split("\n"))
    assert shown.count(escaped(text)) >= 4  # of Text, rich itself leaves out some control characters


def test_lines_that_we_break_stay_broken():
    assert shown_by(lambda console: console.print("one\ntwo")) == "one\ntwo\n"


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1+1", "'+1+1"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\\t=1"),
        ("\r=1", "'\\r=1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("-0.5", "-0.5"),
        ("+1e-3", "+1e-3"),
        ("-inf", "-inf"),
        (-0.5, "-0.5"),
        ("T-shirt, red", "T-shirt, red"),
        (None, ""),
        ("\x1b[2J", "\\x1b[2J"),
    ],
)
def test_a_spreadsheet_runs_no_cell_and_numbers_stay_numbers(cell, written):
    stream = io.StringIO()
    write_csv_row(stream, [1, cell])
    assert next(csv.reader([stream.getvalue()])) == ["1", written]
