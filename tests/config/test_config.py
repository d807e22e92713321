"""Settings: where each value comes from, and the message about a wrong one."""

from __future__ import annotations

import math
import pathlib

import numpy as np
import pytest
import tomli_w
from pydantic import ValidationError

from barenet.config.names import describe_settings, setting_path
from barenet.config.reading import RECIPES, read_toml
from barenet.config.sources import build_config
from barenet.errors import ConfigError, MachineError


def refusal(**flags) -> str:
    """Return the message about a wrong value; settings are written `table__name`."""
    with pytest.raises(ConfigError) as caught:
        build_config(flags={name.replace("__", "."): value for name, value in flags.items()})
    message = str(caught.value)
    assert message.isprintable()  # so the message is one line
    for leak in ("function-", "constrained", "Input should", "Field required", "pydantic", "type=", "validation error"):
        assert leak not in message
    return message


def written(folder: pathlib.Path, content: str | bytes) -> pathlib.Path:
    path = folder / "mine.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# ------------------------------------------------------------------------------------------- where values come from


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_loads_and_its_settings_do_not_count_as_given(recipe):
    config = build_config(recipe)
    assert not any(config.is_given(f"{table}.{name}") for table, name, _ in describe_settings())


def test_the_course_recipe_is_the_course():
    config = build_config("course")
    assert config.model.hidden_sizes == (128, 32)
    assert config.data.batch_size == 16
    assert (config.optimizer.name, config.optimizer.learning_rate, config.optimizer.l2) == ("sgd", 0.05, 0.001)
    assert (config.schedule.name, config.schedule.decay_rate, config.schedule.decay_step) == ("step", 0.95, 6000)


def test_flags_replace_values_of_the_file_and_the_file_replaces_those_of_the_recipe(tmp_path):
    path = written(tmp_path, "[trainer]\nepochs = 7\nseed = 5\n")
    config = build_config("course", path, {"trainer.seed": 9})
    assert (config.trainer.epochs, config.trainer.seed, config.data.batch_size) == (7, 9, 16)
    given = ["trainer.epochs", "trainer.seed", "data.batch_size", "trainer.metric"]
    assert [config.is_given(path) for path in given] == [True, True, False, False]


def test_copies_remember_what_was_given():
    config = build_config(flags={"data.n_valid": 100}).with_values(trainer__seed=3)
    assert config.trainer.seed == 3
    assert config.is_given("data.n_valid")
    assert not config.is_given("trainer.seed")


def test_settings_cannot_be_changed():
    config = build_config()
    with pytest.raises(ValidationError, match="frozen"):
        config.trainer.epochs = 3


@pytest.mark.parametrize("byte_order_mark", [b"", b"\xef\xbb\xbf"])
def test_a_file_may_start_with_a_byte_order_mark_and_hold_chinese(tmp_path, byte_order_mark):
    path = written(tmp_path, byte_order_mark + '# 设置\n[data]\npath = "数据"\n'.encode())
    assert build_config(file=path).data.path == "数据"


@pytest.mark.parametrize("content", [b"[data]\npath = '\xb2\xe2\xca\xd4'", b"[data\n", b"epochs = ", b"\x00"])
def test_a_file_that_is_not_toml_is_named(tmp_path, content):
    path = written(tmp_path, content)
    with pytest.raises(ConfigError, match="not a TOML file") as caught:
        build_config(file=path)
    assert str(path) in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_missing_file_hints_at_recipes(tmp_path):
    with pytest.raises(ConfigError, match=r"no settings file .*quick, course, strong, best, ensemble"):
        read_toml(tmp_path / "quick")


def test_a_folder_is_no_settings_file(tmp_path):
    with pytest.raises((ConfigError, MachineError)) as caught:
        read_toml(tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"model.hidden_sizes": ""},
        {"optimizer.clip_norm": 0.5, "trainer.patience": 3, "data.path": "数据", "data.mirror": False},
        {"data.n_valid": 0.25, "optimizer.learning_rate": 1e-7},
        {"model.layers": [{"input_dim": 64, "output_dim": 4, "activation": "softmax"}]},
    ],
)
@pytest.mark.parametrize("recipe", RECIPES)
def test_written_settings_read_back_equal(tmp_path, recipe, flags):
    config = build_config(recipe, flags=flags)
    path = written(tmp_path, tomli_w.dumps(config.as_tables()))
    assert build_config("quick", path).model_dump() == config.model_dump()


# --------------------------------------------------------------------------------------------------- what is read


@pytest.mark.parametrize(
    ("value", "sizes"),
    [
        ("128,32", (128, 32)),
        ("128-32", (128, 32)),
        (" 128, 32 ", (128, 32)),
        (128, (128,)),
        (np.int64(128), (128,)),
        ("128", (128,)),
        ([128, 32], (128, 32)),
        ((128, 32), (128, 32)),
        ("", ()),
        ([], ()),
    ],
)
def test_hidden_sizes_are_understood_in_every_form(value, sizes):
    assert build_config(flags={"model.hidden_sizes": value}).model.hidden_sizes == sizes


@pytest.mark.parametrize(("value", "n_valid"), [("2000", 2000), ("0.1", 0.1), (0.5, 0.5), (1, 1), ("1e-2", 0.01)])
def test_n_valid_is_a_count_or_a_fraction(value, n_valid):
    read = build_config(flags={"data.n_valid": value}).data.n_valid
    assert read == n_valid
    assert type(read) is type(n_valid)


def test_a_path_object_is_a_path():
    assert build_config(flags={"data.path": pathlib.Path("images")}).data.path == "images"


def test_the_other_spelling_of_leaky_relu_is_understood():
    assert build_config(flags={"model.activation": "leakyrelu"}).model.activation == "leaky_relu"


def test_the_short_form_of_an_architecture_replaces_the_long_one_and_back(tmp_path):
    rows = [{"input_dim": 64, "output_dim": 4, "activation": "softmax"}]
    path = written(tmp_path, tomli_w.dumps({"model": {"layers": rows}}))
    assert build_config(file=path).model.layers is not None
    assert build_config(file=path, flags={"model.hidden_sizes": "8"}).model.layers is None
    for flags in (
        {"model.layers": rows, "model.activation": "tanh"},
        {"model.activation": "tanh", "model.layers": rows},
    ):
        assert build_config(flags=flags).model.layers[0].output_dim == 4


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_another_optimizer_does_not_take_settings_of_the_recipes_optimizer(name):
    weight_decay = build_config("quick").optimizer.weight_decay
    assert weight_decay > 0
    assert build_config("quick", flags={"optimizer.name": "adamw"}).optimizer.weight_decay == weight_decay
    config = build_config("quick", flags={"optimizer.name": name})
    assert (config.optimizer.name, config.optimizer.weight_decay) == (name, 0.0)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("lr", "optimizer.learning_rate"),
        ("ld", "optimizer.l2"),
        ("n_epochs", "trainer.epochs"),
        ("eval_step", "trainer.eval_every"),
        ("path_dir", "data.path"),
        ("decay_rate", "schedule.decay_rate"),
        ("decay_step", "schedule.decay_step"),
        ("n_valid", "data.n_valid"),
        ("batch-size", "data.batch_size"),
        ("optimizer", "optimizer.name"),
        ("hidden", "model.hidden_sizes"),
        ("model.hidden-sizes", "model.hidden_sizes"),
    ],
)
def test_settings_are_found_by_the_words_of_the_course(name, path):
    assert setting_path(name) == path


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("learn_rate", "learning_rate"),
        ("optimiser", "optimizer"),
        ("epoch", "epochs"),
        ("trainer.epoch", "trainer.epochs"),
    ],
)
def test_an_unknown_setting_names_the_nearest(name, near):
    with pytest.raises(ConfigError, match=f"unknown setting '{name}'; did you mean '{near}'"):
        setting_path(name)


def test_name_alone_is_no_setting_and_is_not_offered():
    with pytest.raises(ConfigError, match="unknown setting 'name'; known: ") as caught:
        setting_path("name")
    known = str(caught.value).split("known: ")[1].split(", ")
    assert "name" not in known
    assert len(known) == len(set(known))


# ------------------------------------------------------------------------------------------------ what is refused

NUMBER, WHOLE, SWITCH = "must be a number", "must be a whole number", "must be true or false"
SHARE = "must be a count of images, 1 or more, or a fraction between 0 and 1"
ABOVE, AT_LEAST, BELOW_ONE = "must be greater than 0", "must be greater than or equal to 0", "must be less than 1"


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("optimizer.learning_rate", -0.1, ABOVE),
        ("optimizer.learning_rate", 0, ABOVE),
        ("optimizer.learning_rate", math.nan, "must be a finite number"),
        ("optimizer.learning_rate", math.inf, "must be a finite number"),
        ("optimizer.learning_rate", "fast", NUMBER),
        ("optimizer.learning_rate", "", NUMBER),
        ("optimizer.learning_rate", None, NUMBER),
        ("optimizer.learning_rate", [0.1], NUMBER),
        ("optimizer.learning_rate", True, "must not be true or false"),
        ("optimizer.l2", -1e-3, AT_LEAST),
        ("optimizer.l2", math.nan, "must be a finite number"),
        ("optimizer.momentum", 1, BELOW_ONE),
        ("optimizer.momentum", -0.5, AT_LEAST),
        ("optimizer.beta1", 1.0, BELOW_ONE),
        ("optimizer.beta2", math.nan, "must be a finite number"),
        ("optimizer.epsilon", 0, ABOVE),
        ("optimizer.clip_norm", 0, ABOVE),
        ("optimizer.average_decay", 1, BELOW_ONE),
        ("optimizer.nesterov", "perhaps", SWITCH),
        ("model.label_smoothing", 1, BELOW_ONE),
        ("data.n_valid", 0, SHARE),
        ("data.n_valid", -1, SHARE),
        ("data.n_valid", 1.5, SHARE),
        ("data.n_valid", 1.0, SHARE),
        ("data.n_valid", "half", SHARE),
        ("data.n_valid", math.nan, SHARE),
        ("data.n_valid", None, SHARE),
        ("data.batch_size", 0, ABOVE),
        ("data.batch_size", 1.5, WHOLE),
        ("data.batch_size", "many", WHOLE),
        ("data.mirror", "perhaps", SWITCH),
        ("data.path", 3, "must be text"),
        ("data.split_seed", -1, AT_LEAST),
        ("trainer.epochs", 0, ABOVE),
        ("trainer.epochs", "ten", WHOLE),
        ("trainer.epochs", True, "must not be true or false"),
        ("trainer.seed", -1, AT_LEAST),
        ("trainer.seed", 1.5, WHOLE),
        ("trainer.n_seeds", 0, ABOVE),
        ("trainer.threads", 0, ABOVE),
        ("trainer.patience", 0, ABOVE),
        ("trainer.keep_best", 0, ABOVE),
        ("trainer.eval_every", 0, ABOVE),
        ("trainer.metric", "accuracy", "must be 'acc' or 'loss'"),
        ("schedule.decay_rate", -1, AT_LEAST),
        ("schedule.decay_step", 0, ABOVE),
        ("schedule.warmup_epochs", math.nan, "must be a finite number"),
        ("model.hidden_sizes", None, "must be a list"),
        ("model.layers", 3, "must be a list"),
    ],
)
def test_the_message_about_a_wrong_value_names_the_setting_the_expectation_and_the_value(path, value, expected):
    assert refusal(**{path: value}) == f"{path} {expected}, got {value!r}"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, "entry 1 must be greater than 0, got 0"),
        ([128, 0], "entry 2 must be greater than 0, got 0"),
        ("128,x", "entry 2 must be a whole number, got 'x'"),
        ([1.5], "entry 1 must be a whole number, got 1.5"),
        ("-5", "entry 1 must be greater than 0, got '-5'"),
    ],
)
def test_the_message_about_a_wrong_hidden_size_names_its_position(value, message):
    assert refusal(model__hidden_sizes=value) == f"model.hidden_sizes: {message}"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (3, "entry 1 must be a table of input_dim, output_dim and activation, got 3"),
        ({"input_dim": 3, "activation": "relu"}, "entry 1 has no output_dim"),
        ({"input_dim": 0, "output_dim": 2, "activation": "relu"}, "input_dim of entry 1 must be greater than 0, got 0"),
        ({"input_dim": 3, "output_dim": 2, "activation": "rel"}, "unknown activation 'rel'; did you mean 'relu'?"),
        (
            {"input_dim": 3, "output_dim": 2, "activation": "relu", "bias": 1},
            "entry 1 has an unknown 'bias'; known: input_dim, output_dim, activation, normalization, residual",
        ),
    ],
)
def test_the_message_about_a_wrong_layer_names_its_position(row, message):
    assert refusal(model__layers=[row]) == f"model.layers: {message}"


@pytest.mark.parametrize(
    ("path", "value", "near"),
    [
        ("model.activation", "rellu", "relu"),
        ("model.loss", "cross-entropy", "cross_entropy"),
        ("model.initializer", "hee", "he"),
        ("optimizer.name", "adm", "adam"),
        ("schedule.name", "cosin", "cosine"),
    ],
)
def test_an_unknown_name_gets_the_nearest(path, value, near):
    what = "optimizer" if path == "optimizer.name" else "schedule" if path == "schedule.name" else path.split(".")[1]
    assert refusal(**{path: value}) == f"{path}: unknown {what} {value!r}; did you mean {near!r}?"


def test_an_unknown_recipe_gets_the_nearest():
    with pytest.raises(ConfigError, match="unknown recipe 'quik'; did you mean 'quick'"):
        build_config("quik")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("epochs = 3", r"epochs = 3 stands outside its table; write \[trainer\] epochs = 3"),
        ("[trainr]\nepochs = 3", r"unknown table \[trainr\]; did you mean 'trainer'\?"),
        ("[trainer]\nepoch = 3", r"unknown setting trainer.epoch; did you mean 'epochs'\?"),
        ("trainer = 3", "trainer must be a table of settings, got 3"),
        ("[trainer]\nepochs = 0", "trainer.epochs must be greater than 0, got 0 \\(in "),
        ('[optimizer]\nname = "sdg"', r"unknown optimizer 'sdg'; did you mean 'sgd'\? \(in "),
    ],
)
def test_a_wrong_line_of_a_file_names_the_file(tmp_path, content, message):
    path = written(tmp_path, content)
    with pytest.raises(ConfigError, match=message) as caught:
        build_config(file=path)
    assert str(path) in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"optimizer.momentum": 0.9}, "momentum = 0.9 belongs to sgd; adamw has beta1"),
        ({"optimizer.name": "sgd", "optimizer.weight_decay": 0.1}, "weight_decay = 0.1 belongs to adamw; sgd has l2"),
        ({"optimizer.name": "adam", "optimizer.weight_decay": 0.1}, "weight_decay = 0.1 belongs to adamw; adam has l2"),
        ({"optimizer.name": "sgd", "optimizer.nesterov": True}, "nesterov needs momentum above 0"),
    ],
)
def test_a_setting_that_the_optimizer_would_ignore_is_refused(flags, message):
    assert message in refusal(**flags)


def test_every_setting_has_a_description():
    assert [name for _, name, field in describe_settings() if not field.description] == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_settings_files_of_every_shell_are_read(encoding, tmp_path):
    path = tmp_path / "my.toml"
    path.write_bytes("[trainer]\r\nepochs = 7\r\n".encode(encoding))
    assert build_config(file=path).trainer.epochs == 7


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"schedule.name": "cosine", "schedule.minimum": 5}, "schedule.minimum = 5 is above optimizer.learning_rate"),
        ({"schedule.warmup_epochs": 3, "trainer.epochs": 2}, "schedule.warmup_epochs = 3 is more than trainer.epochs"),
    ],
)
def test_impossible_schedules_are_refused(flags, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        build_config(flags=flags)


def test_a_short_name_after_the_name_of_its_table_is_understood():
    assert setting_path("optimizer.lr") == "optimizer.learning_rate"
    with pytest.raises(ConfigError, match=r"unknown setting 'model\.lr'"):
        setting_path("model.lr")
