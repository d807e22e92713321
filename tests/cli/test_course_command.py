"""`barenet course`: the assignment kit on the command line."""

from __future__ import annotations

import json

import pytest
from refusals import assert_refused


def test_the_commands_make_check_and_grade_a_kit(barenet, tmp_path):
    made = barenet("course", "new", "kit", "--language", "zh", cwd=tmp_path)
    assert made.returncode == 0
    assert "barenet course check kit" in made.stdout
    barenet("course", "new", "whole", cwd=tmp_path)
    loss = "return float(np.mean(-np.log(probabilities[np.arange(len(labels)), labels])))"
    model = tmp_path / "whole" / "model.py"
    model.write_text(model.read_text("utf-8").replace('raise NotImplementedError("step 2: loss")', loss), "utf-8")
    checked = barenet("course", "check", "whole", "--step", "loss", cwd=tmp_path)
    assert (checked.returncode, checked.stdout.splitlines()[0]) == (0, " 2 loss      right")
    assert checked.stdout.splitlines()[-1] == "1 step of 1: all right"
    checked = barenet("course", "check", "kit", "--step", "5", cwd=tmp_path)
    assert checked.returncode == 1
    assert checked.stdout.splitlines()[-1] == "0 of 1 step right; next: step 5 (decay) in train.py"
    (tmp_path / "points.toml").write_text("loss = 4\n", "utf-8")
    graded = barenet("course", "grade", "whole", "--points", "points.toml", "--json", cwd=tmp_path)
    assert graded.returncode == 0
    assert json.loads(graded.stdout)["grades"][0]["score"] == 4
    assert json.loads((tmp_path / "results" / "whole" / "results.json").read_text("utf-8"))["score"] == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("check", "gone"), "there is no folder gone"),
        (("check", "kit"), "kit is no kit, since it has no kit.toml"),
        (("check", "kit", "--step", "backwards"), "did you mean 'backward'?"),
        (("check", "kit", "--seconds", "0"), "--seconds must be a positive number"),
        (("new", "kit"), "kit is already there; name a new folder"),
        (("new", "other", "--language", "fr"), "the kit has no language 'fr'; known: en, zh"),
        (("grade", "kit", "--points", "points.toml"), "unknown step 'foward' in points.toml; did you mean 'forward'?"),
        (("grade", "kit", "kit"), "kit is named twice"),
        (("grade",), "FOLDERS"),
    ],
)
def test_wrong_input_is_refused_in_one_line(arguments, words, barenet, tmp_path):
    (tmp_path / "kit").mkdir()
    (tmp_path / "points.toml").write_text("foward = 10\n", "utf-8")
    assert_refused(barenet("course", *arguments, cwd=tmp_path), words)
