"""Commands in Chinese, on consoles of several encodings: no traceback, no word in question marks, the same data."""

from __future__ import annotations

import io
import json
import re
import signal
import sys

import pytest
from families import slow_except

from barenet.cli.help_texts import COMMANDS
from barenet.cli.main import main
from barenet.interrupts import SIGNALS

HAN = re.compile("[\u3400-\u9fff]")
SENTENCE = re.compile(r"(?<![-\w])[a-z]{2,} [a-z]{2,} [a-z]{2,}(?![-\w])")  # English that was left
ENCODINGS = ("utf-8", "gbk", "ascii")


@pytest.fixture(scope="module")
def say(tmp_path_factory, data):
    """Return a function that runs a command where a run is, and returns its exit code, stdout and stderr."""
    folder = tmp_path_factory.mktemp("languages")

    def run(*arguments, encoding="utf-8", language="zh"):
        handlers = {number: signal.getsignal(number) for number in SIGNALS}
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            patch.setenv("BARENET_LANG", language)
            for name in ("stdin", "stdout", "stderr"):
                patch.setattr(sys, name, io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True))
            with pytest.raises(SystemExit) as stop:
                main([str(argument) for argument in arguments])
            out, err = (stream.buffer.getvalue().decode(encoding) for stream in (sys.stdout, sys.stderr))
        for number, handler in handlers.items():
            signal.signal(number, handler)
        return int(stop.value.code), out, err

    small = ("--data.n-valid", "60", "--batch-size", "30", "--hidden", "6", "--epochs", "2", "--name", "small")
    code, out, err = run("train", "--data", data, *small)
    assert code == 0, err
    run.trained = out, err
    return run


def test_training_speaks_chinese(say):
    for text in say.trained:
        assert HAN.search(text)
        assert SENTENCE.search(text) is None, text


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_results_are_readable_in_every_encoding(say, encoding):
    code, out, err = say("test", "small", encoding=encoding)
    assert code == 0
    assert "?" not in out + err
    if encoding == "ascii":
        assert out == say("test", "small", language="en")[1]
    else:
        assert HAN.search(out)
        assert "class" not in out


HELP = [*enumerate([*COMMANDS, ""])]


@pytest.mark.parametrize(("position", "command"), slow_except(HELP, *HELP[::5]))
def test_help_is_readable_in_every_encoding(say, position, command):
    encoding = ENCODINGS[position % 3]
    code, out, err = say(*command.split(), "--help", encoding=encoding)
    assert (code, err) == (0, "")
    assert "?" not in out
    assert (HAN.search(out) is None) == (encoding == "ascii")
    if encoding != "ascii":
        assert SENTENCE.search(re.sub("^    barenet.*", "", out, flags=re.MULTILINE)) is None, out


def test_errors_and_notes_are_chinese_and_name_what_people_typed(say):
    code, out, err = say("train", "--lr", "-1")
    assert (code, out) == (2, "")
    assert err.startswith("barenet：错误：")
    assert "optimizer.learning_rate" in err
    assert "'-1'" in err
    assert say("tset")[2].startswith("barenet：错误：")
    assert say("test", "small")[2].startswith("提示：")


@pytest.mark.slow
def test_data_have_the_same_bytes_in_every_language(say):
    chinese, english = (say("test", "small", "--json", "--quiet", language=language) for language in ("zh", "en"))
    assert chinese == english
    assert "test_accuracy" in json.loads(chinese[1])
    assert say("train", "--dry-run", "--quiet") == say("train", "--dry-run", "--quiet", language="en")


def test_an_unknown_language_is_refused(say):
    code, _, err = say("test", language="xx")
    assert code == 2
    assert err == "barenet: error: BARENET_LANG is 'xx', which is no language of barenet: use en or zh\n"
