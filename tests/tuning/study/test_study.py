"""Complete searches on small images: their results, which do not depend on how they were run."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from families import full, full_except, slow_except

import barenet
import barenet.errors
from barenet.storage.history import read_history
from barenet.storage.sealing import unseal
from barenet.tuning.study.observer import SearchObserver


def test_a_grid_trains_every_combination_once_and_ranks_them(small_search):
    result = small_search()
    assert sorted(trial.number for trial in result.trials) == list(range(8))
    assert [trial.point for trial in sorted(result.trials, key=lambda t: t.number)][:3] == [
        {"lr": 0.02, "hidden_size_1": 8, "l2": 0.0},
        {"lr": 0.02, "hidden_size_1": 8, "l2": 0.01},
        {"lr": 0.02, "hidden_size_1": 6, "l2": 0.0},
    ]
    scores = [trial.score(result.plan) for trial in result.trials]
    assert scores == sorted(scores, reverse=True)
    with (result.folder / "results.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["trial"]) for row in rows] == [trial.number for trial in result.trials]
    assert {row["ended"] for row in rows} == {"finished"}


def test_a_trial_is_the_run_that_train_gives_with_its_settings(small_search, arrays):
    result = small_search(score="last")
    best = result.best
    settings = {"recipe": "course", "n_valid": 100, "batch_size": 48, "epochs": 4, "eval_every": 1}
    sizes = (best.point["hidden_size_1"], 4)
    run = barenet.train(
        **arrays, **settings, hidden_sizes=sizes, lr=best.point["lr"], l2=best.point["l2"], threads=1, output=None,
        verbose=False,
    )  # fmt: skip
    history = read_history(result.folder / "best" / "history.jsonl").records
    trained = run.networks[0].history
    assert [(r.valid_loss, r.train_loss, r.weight_norm) for r in history] == [
        (r.valid_loss, r.train_loss, r.weight_norm) for r in trained
    ]
    predictor = barenet.load(result.folder / "best")
    x = arrays["x_test"]
    np.testing.assert_array_equal(predictor.predict(x), np.argmax(run.networks[0].scores.probabilities, axis=-1))


@pytest.mark.slow
def test_the_course_projects_file_has_its_schema_and_order(small_search):
    by_accuracy = small_search(recipe="course", n_valid=100)
    rows = json.loads((by_accuracy.folder / "gridsearch_results.json").read_text("utf-8"))
    assert [len(row) for row in rows] == [3] * 8
    wanted = "input_dim hidden_size_1 activation_1 hidden_size_2 activation_2 activation_3 output_dim lr ld"
    assert list(rows[0][0])[:9] == wanted.split()
    assert [row[2] for row in rows] == sorted((row[2] for row in rows), reverse=True)
    by_loss = small_search({"lr": [0.02, 0.002, 0.01]}, metric="loss")
    rows = json.loads((by_loss.folder / "gridsearch_results.json").read_text("utf-8"))
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)
    text = (by_loss.folder / "gridsearch_results.json").read_text("utf-8")
    assert text.startswith('[\n    [\n        {\n            "input_dim": 64,')


@pytest.mark.slow
@pytest.mark.parametrize(
    "values",
    [{"workers": 2, "stack": 2}, *map(full, ({"stack": 1}, {"stack": 3}, {"workers": 1}, {"workers": 4, "stack": 1}))],
    ids=str,
)
def test_results_do_not_depend_on_stacks_or_workers(values, small_search, contents):
    options = {"halving": True, "epochs": 6}
    alone = contents(small_search(**options).folder)
    assert contents(small_search(**options, **values).folder) == alone


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["random", full("tpe")])
def test_drawn_points_do_not_depend_on_stacks_or_workers(strategy, small_search, contents):
    space = {"lr": {"low": 1e-4, "high": 1e-1, "log": True}, "hidden_size_1": {"low": 4, "high": 9}}
    options = {"strategy": strategy, "trials": 14, "round_size": 5, "epochs": 1}
    alone = contents(small_search(space, **options).folder)
    assert len(alone["results"]) == 14
    assert contents(small_search(space, **options, workers=2, stack=2).folder) == alone
    other = contents(small_search(space, **options, search_seed=1).folder)
    assert other["rounds/0.json"] != alone["rounds/0.json"]


@pytest.mark.slow
def test_halving_stops_all_but_one_in_eta_at_each_rung(small_search):
    space = {"lr": [0.03, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001]}
    result = small_search(space, halving=True, epochs=9)
    epochs = sorted(trial.last.epochs for trial in result.trials)
    assert epochs == [1] * 6 + [3] * 2 + [9]
    assert [trial.ended for trial in result.trials] == ["finished"] + ["stopped"] * 8
    full = small_search(space, epochs=9)
    same = next(trial for trial in full.trials if trial.number == result.best.number)
    assert same.last.valid_loss == result.best.last.valid_loss
    first = {trial.number: trial.rungs[0].valid_accuracy for trial in result.trials}
    went_on = {trial.number for trial in result.trials if len(trial.rungs) > 1}
    assert min(first[n] for n in went_on) >= max(first[n] for n in set(first) - went_on)


@pytest.mark.slow
def test_a_trial_that_diverges_is_recorded_with_its_reason_and_changes_no_other(small_search, contents):
    space = {"lr": [0.02, 1e30, 0.002], "optimizer.name": ["sgd"]}
    result = small_search(space)
    lost = result.trials[-1]
    assert lost.number == 1
    assert lost.ended == "diverged"
    assert lost.last.reason.startswith("diverged in epoch 1, step")
    without = small_search({"lr": [0.02, 0.002], "optimizer.name": ["sgd"]})
    assert [t.last.valid_loss for t in result.trials[:2]] == [t.last.valid_loss for t in without.trials]
    states = {number: state for number, state, _, _ in contents(result.folder)["optuna"]}
    assert states == {0: "COMPLETE", 1: "FAIL", 2: "COMPLETE"}


def test_a_search_in_which_all_diverge_says_so_and_exits_with_4(small_search):
    with pytest.raises(barenet.errors.DivergedError, match="no trial was left: diverged in epoch 1"):
        small_search({"lr": [1e30, 1e29], "optimizer.name": ["sgd"]})


def test_repeats_take_further_seeds_and_say_how_sure_the_ranking_is(small_search):
    result = small_search({"lr": [0.02, 0.002]}, repeats=3, repeat_best=2)
    assert [repeated.n for repeated in result.repeated] == [3, 3]
    trial = result.repeated[0].trial
    seeds = sorted(path.name for path in (result.folder / "trials").glob(f"{trial.number:05d}-seed-*"))
    assert seeds == [f"{trial.number:05d}-seed-{seed}" for seed in (1, 2, 3)]
    scores = [
        json.loads((result.folder / "trials" / seed / "rung-0.json").read_text("utf-8"))["valid_accuracy"]
        for seed in seeds
    ]
    assert result.repeated[0].mean == pytest.approx(np.mean(scores))
    assert result.repeated[0].std == pytest.approx(np.std(scores, ddof=1))
    assert "the noise" in result.verdict
    assert result.best is trial


def test_retrain_trains_the_winner_and_only_then_tests(small_search):
    result = small_search({"lr": [0.02, 0.002]}, retrain=True)
    assert not (result.folder / "best" / "test.json").exists()
    for name in ("best", "retrained"):
        assert json.loads((result.folder / name / "machine.json").read_text("utf-8"))["cores"] >= 1
    tested = json.loads((result.folder / "retrained" / "test.json").read_text("utf-8"))
    assert tested["test_accuracy"] == result.retrained.networks[0].scores.accuracy
    assert result.retrained.networks[0].history[-1].valid_loss == result.best.last.valid_loss


@pytest.mark.slow
def test_a_search_with_validation_arrays_compares_on_them_and_goes_on_and_retrains_with_them(arrays, small_search):
    validation = {"x_val": arrays["x"][:50], "y_val": (arrays["y"][:50] + 1) % 4}
    options = {"workers": 0, "verbose": False}
    first = small_search({"lr": [0.02, 0.002]}, **validation, n_valid=50)
    assert json.loads((first.folder / "best" / "history.jsonl").read_text("utf-8").splitlines()[0])["valid_loss"] > 0
    with pytest.raises(barenet.errors.RunError, match="was made from other data"):
        barenet.search(resume=first.folder, **arrays, **options)
    again = barenet.search(resume=first.folder, **arrays, **validation, **options, retrain=True)
    assert again.retrained.config.data.n_valid == 50
    assert again.retrained.networks[0].history[-1].valid_loss == first.best.last.valid_loss
    twice = barenet.search(resume=first.folder, **arrays, **validation, **options, retrain=True)
    assert twice.retrained.networks[0].scores.accuracy == again.retrained.networks[0].scores.accuracy


@pytest.mark.slow
def test_the_test_images_change_nothing_that_is_chosen(small_search, arrays, contents, tmp_path):
    first = small_search()
    other = {**arrays, "x_test": 255 - arrays["x_test"], "y_test": arrays["y_test"][::-1].copy()}
    again = barenet.search(
        {"lr": [0.02, 0.002], "hidden_size_1": [8, 6], "l2": [0.0, 0.01]}, **other, workers=0, verbose=False,
        output=tmp_path / "other", n_valid=100, hidden_sizes=(8, 4), batch_size=48, epochs=4, label_smoothing=0,
    )  # fmt: skip
    assert contents(first.folder)["results"] == contents(again.folder)["results"]


class Stop(SearchObserver):
    """Ends a search, as Ctrl-C does, after so many finished stacks."""

    def __init__(self, after: int) -> None:
        self.left = after

    def finished(self, stack, rung):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.slow
@pytest.mark.parametrize("strategy", full_except(["grid", "tpe"], "tpe"))
def test_a_stopped_search_goes_on_and_ends_as_if_it_had_never_stopped(strategy, small_search, contents, tmp_path):
    space, options = None, {"stack": 1, "halving": True, "epochs": 6, "repeats": 1}
    if strategy == "tpe":
        space = {"lr": {"low": 1e-4, "high": 1e-1, "log": True}}
        options |= {"strategy": "tpe", "trials": 10, "round_size": 5}
    undisturbed = contents(small_search(space, **options, name="whole").folder)
    with pytest.raises(KeyboardInterrupt):
        small_search(space, **options, name="part", observer=Stop(after=1))
    folder = tmp_path / "studies" / "part"
    for after in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            small_search(resume=folder, observer=Stop(after=after))
    result = small_search(resume=folder)
    assert contents(result.folder) == undisturbed


@pytest.mark.slow
def test_more_repeats_may_make_a_winner_whose_weights_were_not_kept(small_search, contents, tmp_path):
    # From this seed on the repeats rank another trial first than the first seed does, by far.
    space, options = {"hidden_size_1": [4, 5, 6, 7, 8]}, {"seed": 7, "recipe": "quick"}
    whole = small_search(space, repeats=2, repeat_best=6, name="whole", **options)
    first = small_search(space, name="raised", **options)
    assert whole.best.number != first.best.number
    raised = small_search(resume=first.folder, repeats=2, repeat_best=6)
    assert raised.best.number == whole.best.number
    assert contents(raised.folder) == contents(whole.folder)


@pytest.mark.slow
def test_a_new_winner_among_more_trials_is_retrained_and_tested(small_search):
    space = {"lr": {"low": 1e-5, "high": 0.05, "log": True}}
    few = small_search(space, strategy="random", trials=1, retrain=True)
    more = small_search(resume=few.folder, trials=8)
    assert more.best.number != few.best.number
    written, returned = unseal((few.folder / "results.json").read_bytes()), json.loads(json.dumps(more.as_dict()))
    assert {**written, "verdict": ""} == {**returned, "verdict": ""}  # which names flags there, and arguments here
    assert more.retrained.networks[0].history[-1].valid_loss == more.best.last.valid_loss
    again = small_search(resume=few.folder)
    assert again.retrained.networks[0].scores.accuracy == more.retrained.networks[0].scores.accuracy


@pytest.mark.slow
@pytest.mark.parametrize("strategy", full_except(["grid", "tpe"], "grid"))
def test_a_studys_space_file_asks_for_the_same_study(strategy, small_search, contents, arrays, tmp_path):
    space: dict = {"lr": {"low": 1e-3, "high": 0.1, "log": True, "points": 2}, "hidden_size_1": [8, 6]}
    options = {"strategy": "tpe", "trials": 5} if strategy == "tpe" else {"strategy": "grid", "halving": True}
    first = small_search(space, **options)
    again = barenet.search(
        first.folder / "space.toml", **arrays, workers=0, verbose=False, output=tmp_path, name="again"
    )
    assert contents(again.folder) == contents(first.folder)


@pytest.mark.parametrize("name", slow_except(["a?b", "q%20r", "ü #&"], "q%20r"))
def test_a_study_may_have_any_name(name, small_search):
    assert (small_search({"lr": [0.01]}, name=name).folder / "study.db").exists()


@pytest.mark.slow
def test_numpy_values_are_taken_as_numbers(small_search):
    result = small_search({"hidden_size_1": list(np.array([4, 8])), "lr": np.array([0.01])})
    assert [trial.point["hidden_size_1"] for trial in sorted(result.trials, key=lambda t: t.number)] == [4, 8]


def test_the_activation_of_a_layer_that_a_network_lacks_is_not_its_last_one(small_search):
    space = {"hidden_sizes": [[8], [8, 4]], "activation_2": ["relu", "tanh"]}
    with pytest.raises(barenet.errors.ConfigError, match="there is no activation_2: the network has 1 hidden layer"):
        small_search(space)


def test_trials_and_repeats_of_a_study_can_only_be_raised(small_search):
    grid = small_search({"lr": [0.01]}, repeats=2)
    with pytest.raises(barenet.errors.RunError, match="made for 2 repeats; --repeats can only be raised, got 1"):
        small_search(resume=grid.folder, repeats=1)
    with pytest.raises(barenet.errors.ConfigError, match="a grid has as many trials as points"):
        small_search(resume=grid.folder, trials=40)
    with pytest.raises(barenet.errors.ConfigError, match="did you mean 'strategy'"):
        small_search({"lr": [0.01]}, strategie="grid")
    with pytest.raises(barenet.errors.ConfigError, match="--repeats, not n_seeds"):
        small_search({"lr": [0.01]}, n_seeds=3)
