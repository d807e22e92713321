"""What a report says about a search: only what its trials show."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace

import pytest

from barenet.analysis.saved_study import read_saved_study
from barenet.documents.blocks import Note, Paragraph, Table
from barenet.documents.inputs import searches
from barenet.documents.inputs.searches import SearchRecord, read_study
from barenet.documents.parts.search import search_blocks
from barenet.documents.words import Words
from barenet.errors import RunError
from barenet.messages import as_typed
from barenet.tuning.space.plan import Plan
from barenet.tuning.study.results import compare
from barenet.tuning.study.rungs import RungRecord
from barenet.tuning.study.trial import Trial


def sentences_of(search: SearchRecord) -> str:
    blocks = search_blocks(search, Words("en"))
    return " ".join(sentence for block in blocks if isinstance(block, Paragraph | Note) for sentence in block.sentences)


def trial(number: int, accuracy: float, key: str = "", **about: object) -> Trial:
    record = RungRecord("trained", 1, 1.0, accuracy, 1, 1.0, accuracy)
    return Trial(number, key or f"{number}", {"lr": 0.1 + number}, None, rungs=[record], **about)


def test_what_is_searched_is_not_shared_by_all_trials(study):
    search = read_study(study)
    assert "Batch size" not in search.facts
    assert search.facts["Images held out for validation"] == 120
    assert search.facts["Epochs of each trial"] == 2
    assert search.commands == [f'barenet.search("{(study / "space.toml").as_posix()}", x=x, y=y)']


def test_an_interrupted_search_says_how_far_it_is(study, tmp_path):
    folder = shutil.copytree(study, tmp_path / "copy")
    (folder / "results.json").unlink()
    for number in (1, 2, 3):
        shutil.rmtree(folder / "trials" / f"0000{number}")
    search = read_study(folder)
    text = sentences_of(search)
    assert "One combination of hyper-parameters was trained. The test set was not used." in text
    assert "This search is not finished: 1 of 4 trials have ended." in text
    assert [len(block.rows) for block in search_blocks(search, Words("en")) if isinstance(block, Table)][-1] == 1


def test_the_run_of_an_earlier_winner_does_not_stand_for_the_winner(study, tmp_path):
    folder = shutil.copytree(study, tmp_path / "copy")
    assert read_study(folder).best_run == folder / "retrained"
    config = folder / "retrained" / "config.toml"
    config.write_text(config.read_text("utf-8").replace("learning_rate", "learning_rate = 0.5 # ", 1), "utf-8")
    assert read_study(folder).best_run == folder / "best"


def test_a_finished_search_without_a_result_is_not_to_be_continued(study, monkeypatch):
    saved = read_saved_study(study)
    monkeypatch.setattr(
        searches, "read_saved_study", lambda path: replace(saved, result=replace(saved.result, trials=[]))
    )
    with pytest.raises(RunError, match=re.escape(f"to see why, write its page: barenet report {as_typed(study)}")):
        read_study(study)


def test_the_best_combination_is_the_best_over_seeds(tmp_path):
    trials = [trial(n, accuracy, ended="finished") for n, accuracy in enumerate((0.9, 0.8))]
    seeds = {0: (0.70, 0.72), 1: (0.78, 0.80)}
    repeats = [
        trial(n, a, f"{n}-seed-{i}", is_repeat=True) for n, scores in seeds.items() for i, a in enumerate(scores)
    ]
    result = compare(tmp_path, Plan.make({"metric": "acc"}), ["lr"], trials, repeats, n_valid=1000)
    text = sentences_of(SearchRecord("study", tmp_path, result, []))
    assert "The best combination is `lr = 1.1`. It has the best mean of the trainings with other seeds." in text
    assert "It reaches a validation accuracy of 80.00 %" in text
    assert "test set" not in text  # nobody knows that of another program's search
