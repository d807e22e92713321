"""Optimizers and schedules in a search: each one has its defaults, and older studies keep the defaults they had."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from barenet.errors import ConfigError
from barenet.nn.optimizers import OPTIMIZERS
from barenet.tuning.space.earlier_formats import given_before
from barenet.tuning.space.points import Base, notes_of
from barenet.tuning.space.request import make_request, read_request
from barenet.tuning.space.search_space import Space
from barenet.tuning.space.space_file import read_space_file


def config_of(base: Base, point, dataset):
    resolved, _ = base.prepare(dataset, "acc")
    return base.resolve(point, resolved, dataset, 400)


def test_each_optimizer_of_a_space_has_its_own_rate(dataset):
    base = Base("course", {"data.n_valid": 100})
    rates = {name: config_of(base, {"optimizer.name": name}, dataset).optimizer.learning_rate for name in OPTIMIZERS}
    assert rates == {"sgd": 0.05, "adam": 0.001, "adamw": 0.001}
    (note,) = notes_of(base, Space.parse({"optimizer.name": ["sgd", "adamw"]}))
    assert note == "optimizer adamw in place of sgd: learning rate 0.001, the default of adamw, in place of 0.05"
    assert list(notes_of(base, Space.parse({"optimizer.name": ["sgd", "adamw"], "lr": [0.1]}))) == []


def test_base_settings_of_one_optimizer_do_not_apply_to_another(dataset):
    base = Base("quick", {"data.n_valid": 100, "data.batch_size": 64, "optimizer.weight_decay": 0.1})
    assert config_of(base, {"optimizer.name": "sgd"}, dataset).optimizer.weight_decay == 0.0
    assert config_of(base, {"optimizer.name": "adamw"}, dataset).optimizer.weight_decay == 0.1


def test_settings_over_base_settings_may_choose_another_optimizer():
    base = {"optimizer": {"name": "sgd", "momentum": 0.9}}
    request = make_request({"lr": [0.1]}, base, None, {"optimizer": "adam"})
    assert request.base.config().optimizer.momentum == 0.0


@pytest.mark.parametrize(("optimizer", "rate"), [({}, 0.003), ({"optimizer": "adam"}, 0.001)])
def test_a_study_of_the_second_format_keeps_what_the_recipe_quick_had(optimizer, rate, tmp_path):
    request = make_request({"l2": [0.0]}, None, "quick", optimizer)
    now = request.base.config()
    assert (now.model.normalization, now.trainer.epochs) == ("batch", 16)
    (tmp_path / "study.json").write_text(json.dumps(request.as_dict() | {"format": 2}), "utf-8")
    config = read_request(tmp_path).base.config()
    assert (config.model.hidden_sizes, config.model.normalization) == ((256, 128), "none")
    assert (config.optimizer.learning_rate, config.optimizer.average_decay) == (rate, 0.998)
    assert config.trainer.epochs == 32


def test_a_study_of_the_first_format_keeps_the_recipes_rate_and_decay(tmp_path):
    request = make_request({"l2": [0.0]}, None, None, {"optimizer": "adamw", "schedule": "exponential"})
    stored = request.as_dict()
    assert (stored["format"], request.base.config().optimizer.learning_rate) == (3, 0.001)
    (tmp_path / "study.json").write_text(json.dumps(stored | {"format": 1}), "utf-8")
    config = read_request(tmp_path).base.config()
    assert config.optimizer.learning_rate == 0.05
    assert (config.schedule.decay_rate, config.schedule.decay_step, config.schedule.minimum) == (0.95, 6000, 0.01)
    (tmp_path / "study.json").write_text(json.dumps(stored), "utf-8")
    # Earlier versions do not name the engine, which was NumPy.
    given = {**request.base.given, "trainer.engine": "numpy"}
    assert read_request(tmp_path) == replace(request, base=replace(request.base, given=given))


def test_studies_of_the_first_format_that_search_the_optimizer_have_one_rate_for_all():
    assert given_before("course", {}, ["optimizer.name"]) == {"optimizer.learning_rate": 0.05}
    assert given_before("course", {"optimizer.beta1": 0.8, "optimizer.l2": 0.1}, ["lr"]) == {"optimizer.l2": 0.1}
    assert given_before("quick", {"optimizer.beta1": 0.8}, ["lr"]) == {"optimizer.beta1": 0.8}


@pytest.mark.parametrize("text", ['recipe = "quick"\n[space]\nlr = [0.1]\n', 'recipe = "quick"\nlr = [0.1]\n'])
def test_a_space_file_may_name_its_recipe_at_the_top(tmp_path, text):
    path = tmp_path / "space.toml"
    path.write_text(text, "utf-8")
    assert make_request(path, None, None, {}).base.recipe == "quick"
    assert read_space_file(path)[0] == {"lr": [0.1]}


def test_two_recipes_are_refused(tmp_path):
    path = tmp_path / "space.toml"
    path.write_text('recipe = "quick"\n[search]\nrecipe = "course"\n[space]\nlr = [0.1]\n', "utf-8")
    with pytest.raises(ConfigError, match=r"names two recipes, quick and, in \[search\], course; leave out one"):
        make_request(path, None, None, {})
    with pytest.raises(ConfigError, match="base names the recipe quick, but course was chosen"):
        make_request({"lr": [0.1]}, {"recipe": "quick"}, "course", {})


def test_base_settings_may_name_the_recipe():
    assert make_request({"lr": [0.1]}, {"recipe": "quick"}, None, {}).base.recipe == "quick"
