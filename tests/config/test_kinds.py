"""Another optimizer, schedule or loss: which settings no longer apply, which change, what is refused, and the notes."""

from __future__ import annotations

import math
from inspect import signature

import pytest
import tomli_w
from told import listen

from barenet.config.inherited import inherited
from barenet.config.sources import build_config, stored_settings
from barenet.config.tables import OptimizerConfig, ScheduleConfig
from barenet.errors import ConfigError
from barenet.nn.optimizers import OPTIMIZERS
from barenet.nn.schedules import SCHEDULES
from barenet.training.preparation import prepare

QUICK = build_config("quick").optimizer


def written(folder, text: str, name: str = "my.toml"):
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def dry_run_with(folder, **changed):
    """Return a file with all settings of the recipe quick, as a dry run writes them, with some changes."""
    tables = build_config("quick").as_tables()
    return written(folder, tomli_w.dumps({"recipe": "quick", **tables, "optimizer": tables["optimizer"] | changed}))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_learning_rules_take_the_hyperparameters_that_they_declare_with_these_defaults(name):
    kind = OPTIMIZERS[name]
    taken = [parameter for own in kind.__mro__ for parameter in signature(own.__init__).parameters.values()]
    defaults = {own.name: own.default for own in taken if own.default is not own.empty}
    declared = {own.name: math.inf if own.default is None else own.default for own in kind.hypers}
    assert defaults == declared


def test_settings_are_the_declared_hyperparameters():
    rules = {own.name for kind in OPTIMIZERS.values() for own in kind.hypers}
    assert rules == set(OptimizerConfig.model_fields) - {"name", "learning_rate", "average_decay"}
    schedules = {own.name for kind in SCHEDULES.values() for own in kind.hypers}
    assert schedules == set(ScheduleConfig.model_fields) - {"name", "warmup_epochs"}


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_another_optimizer_has_its_default_rate_and_a_note_names_what_no_longer_applies(name):
    config = build_config(flags={"optimizer.name": name})
    assert config.optimizer.learning_rate == OPTIMIZERS[name].usual_rate != QUICK.learning_rate
    assert config.optimizer.weight_decay == 0.0
    (note,) = config.notes
    assert f"optimizer {name} in place of adamw: optimizer.weight_decay = 0.05 of recipe quick no longer" in note
    assert f"learning rate {OPTIMIZERS[name].usual_rate:g}, the default of {name}, in place of 0.005" in note


def test_the_same_optimizer_changes_nothing():
    config = build_config(flags={"optimizer.name": "adamw"})
    assert (config.optimizer, config.notes) == (QUICK, ())


def test_a_given_rate_stays_with_another_optimizer():
    config = build_config(flags={"optimizer.name": "sgd", "optimizer.learning_rate": "0.003"})
    assert config.optimizer.learning_rate == 0.003
    assert "0.003" not in config.notes[0]


def test_changing_one_word_of_the_settings_of_a_dry_run_is_enough(tmp_path):
    config = build_config(file=dry_run_with(tmp_path, name="sgd"))
    assert (config.optimizer.name, config.optimizer.weight_decay, config.optimizer.learning_rate) == ("sgd", 0.0, 0.005)
    (note,) = config.notes
    assert note.count("weight_decay = 0.05") == 1
    assert "my.toml no longer applies" in note
    assert "learning_rate = 0.005 of" in note
    assert "is that of adamw; the default of sgd is 0.1" in note


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"weight_decay": 0.1}, r"optimizer\.weight_decay = 0\.1 belongs to adamw; sgd has l2: leave it out \(in .*my"),
        ({"beta1": 0.8}, r"optimizer\.beta1 = 0\.8 belongs to adam and adamw; sgd has momentum: leave it out"),
        ({"epsilon": 1e-3}, r"optimizer\.epsilon = 0\.001 belongs to adam and adamw; sgd has no epsilon: leave it out"),
    ],
)
def test_what_a_person_set_for_the_other_optimizer_is_refused(tmp_path, changed, message):
    with pytest.raises(ConfigError, match=message):
        build_config(file=dry_run_with(tmp_path, name="sgd", **changed))


def test_a_flag_that_chooses_another_optimizer_replaces_the_one_of_a_file(tmp_path):
    path = written(tmp_path, '[optimizer]\nname = "sgd"\nmomentum = 0.9\nnesterov = true\nlearning_rate = 0.2\n')
    config = build_config(file=path, flags={"optimizer.name": "adamw"})
    assert (config.optimizer.momentum, config.optimizer.nesterov, config.optimizer.weight_decay) == (0.0, False, 0.05)
    (note,) = config.notes
    assert "optimizer.momentum = 0.9, optimizer.nesterov = True of" in note
    assert "learning_rate = 0.2 of" in note
    assert "is that of sgd; the default of adamw is 0.001" in note


def test_another_schedule_has_its_defaults():
    config = build_config("course", flags={"schedule.name": "cosine"})
    assert config.schedule.model_dump() == {
        **{"name": "cosine", "decay_rate": 1.0, "decay_step": 1, "minimum": 0.0, "warmup_epochs": 0.0}
    }
    assert "decay_rate = 0.95, schedule.decay_step = 6000, schedule.minimum = 0.01 of recipe course" in config.notes[0]


def test_a_note_says_that_a_step_schedule_without_a_factor_is_constant():
    (note,) = build_config("quick", flags={"schedule.name": "step"}).notes
    assert "without a schedule.decay_rate, such as 0.95, step keeps the rate constant" in note
    (given,) = build_config("quick", flags={"schedule.name": "step", "schedule.decay_rate": 0.9}).notes
    assert "constant" not in given


def test_a_setting_of_another_schedule_is_refused():
    with pytest.raises(ConfigError, match=r"schedule\.decay_rate = 0\.5 belongs to step and exponential; cosine has"):
        build_config(flags={"schedule.decay_rate": "0.5"})


def test_settings_that_a_run_keeps_are_taken_as_they_are(tmp_path):
    tables = build_config("quick").as_tables()
    tables["optimizer"] |= {"name": "sgd", "weight_decay": 0.0, "beta1": 0.8}  # which earlier versions ignored
    tables["schedule"] |= {"decay_rate": 0.5}
    config = stored_settings(written(tmp_path, tomli_w.dumps(tables), "config.toml"))
    assert config.as_tables() == tables
    assert (config.notes, config.recipe) == ((), "")


def test_a_short_file_says_what_the_recipe_adds(tmp_path, dataset):
    path = written(tmp_path, '[optimizer]\nname = "sgd"\nlearning_rate = 0.1\n[data]\nn_valid = 100\nmirror = true\n')
    notes = listen()
    prepare(build_config(file=path), dataset)
    assert (
        "from recipe quick: label smoothing 0.1, batch normalisation, averaged weights (0.99), warm-up of 1 epoch; "
        "--recipe course starts without them"
    ) in notes


def test_no_note_names_settings_of_the_file_or_of_a_recipe_that_somebody_named(tmp_path):
    assert list(inherited(build_config(flags={"trainer.epochs": 3}))) == []
    assert list(inherited(build_config(file=dry_run_with(tmp_path)))) == []
    short = written(tmp_path, "[trainer]\nepochs = 3\n")
    assert list(inherited(build_config("quick", short))) == []
    assert len(list(inherited(build_config(None, short)))) == 1


def test_another_loss_removes_the_recipes_label_smoothing():
    config = build_config(flags={"model.loss": "mse"})
    assert config.model.label_smoothing == 0.0
    assert config.notes == ("loss mse: model.label_smoothing = 0.1 of recipe quick no longer applies",)


def test_a_file_may_name_its_recipe(tmp_path):
    path = written(tmp_path, 'recipe = "course"\n[trainer]\nepochs = 3\n')
    config = build_config(file=path)
    assert (config.recipe, config.model.hidden_sizes, config.trainer.epochs) == ("course", (128, 32), 3)
    assert build_config("course", path) == config
    with pytest.raises(ConfigError, match=r"my\.toml names the recipe course, but quick was chosen"):
        build_config("quick", path)
    with pytest.raises(ConfigError, match=r"my\.toml: unknown recipe 'curse'; did you mean 'course'\?"):
        build_config(file=written(tmp_path, 'recipe = "curse"\n'))


# --------------------------------------------------------------------------------- rows over settings of all layers


ROWS = "[[model.layers]]\ninput_dim = 4\noutput_dim = 3\nactivation = 'softmax'\n"


@pytest.mark.parametrize("setting", ["normalization = 'batch'", "residual = true"])
def test_rows_of_a_network_replace_what_the_file_says_of_all_rows(setting, tmp_path):
    path = written(tmp_path, f"[model]\n{setting}\n")
    rows = [{"input_dim": 4, "output_dim": 3, "activation": "softmax"}]
    config = build_config("quick", path, {"model.layers": rows})
    assert (config.model.normalization, config.model.residual) == ("none", False)
    assert config.model.layers is not None


def test_rows_and_a_normalisation_of_all_rows_in_one_file_are_both_kept(tmp_path):
    path = written(tmp_path, f"[model]\nnormalization = 'batch'\n{ROWS}")
    assert build_config("quick", path).model.normalization == "batch"


def test_another_loss_leaves_out_the_mixup_of_a_recipe_and_not_that_of_a_person():
    config = build_config("strong", flags={"model.loss": "mse"})
    assert (config.data.mixup, config.model.label_smoothing) == (0, 0)
    (note,) = config.notes
    assert note == "loss mse: model.label_smoothing = 0.05, data.mixup = 0.2 of recipe strong no longer apply"
    assert build_config("strong", flags={"model.loss": "mse", "data.mixup": 0.3}).data.mixup == 0.3  # refused later
