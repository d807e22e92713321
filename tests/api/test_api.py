"""The Python functions: arrays, results, and errors of one line."""

from __future__ import annotations

import inspect
from itertools import groupby

import numpy as np
import pytest
from told import listen

import barenet
from barenet.config.names import describe_settings
from barenet.errors import BarenetError, ConfigError, DataError, RunError
from barenet.run_folders.observer import Observer

SMALL = {"n_valid": 100, "hidden_sizes": (16, 8), "batch_size": 48, "epochs": 2, "learning_rate": 0.002}


def refusal(kind: type[BarenetError], *arguments, call=barenet.train, **values) -> str:
    with pytest.raises(kind) as caught:
        call(*arguments, **{"output": None} | values if call is barenet.train else values)
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_nothing_is_written_without_an_output(folder, arrays):
    result = barenet.train(**arrays, **SMALL, output=None)
    assert list(folder.iterdir()) == []
    assert result.folder is None
    assert result.networks[0].folder is None
    assert result.as_dict()["run"] is None
    assert result.as_dict()["test_accuracy"] == result.networks[0].scores.accuracy


@pytest.mark.slow
def test_memory_and_disk_give_the_same_network(folder, arrays, with_pictures):
    in_memory = barenet.train(**arrays, **SMALL, output=None)
    on_disk = barenet.train(**arrays, **SMALL)
    assert on_disk.folder.resolve() == folder / "runs" / "quick-1"
    assert (on_disk.folder / "figures" / "learning-curves.png").stat().st_size > 1000
    values = [result.model.mlp.parameters.values.tobytes() for result in (in_memory, on_disk)]
    assert values[0] == values[1]
    assert barenet.load(on_disk.folder).models[0].mlp.parameters.values.tobytes() == values[0]
    seconds = ("training_seconds", "run")
    figures = [{k: v for k, v in r.as_dict().items() if k not in seconds} for r in (in_memory, on_disk)]
    assert figures[0] == figures[1]


@pytest.mark.slow
def test_runs_are_named_after_the_recipe_the_file_or_the_given_name(folder, arrays):
    (folder / "mine.toml").write_text("[trainer]\nepochs = 1\n", "utf-8")
    few = {name: values[:60] for name, values in arrays.items()}
    common = {**few, "n_valid": 10, "hidden_sizes": 4, "batch_size": 10}
    assert barenet.train(**common, settings="mine.toml", output="out").folder.name == "mine-1"
    assert barenet.train(**common, recipe="course", epochs=1, output="out").folder.name == "course-1"
    assert barenet.train(**common, epochs=1, name="first", output="out").folder.name == "first"
    message = refusal(RunError, **common, epochs=1, name="first", output="out")
    assert "holds a run already" in message


def test_settings_may_be_tables_and_keywords_override_them(arrays):
    tables = {"trainer": {"epochs": 1, "seed": 5}, "model": {"hidden_sizes": [4]}}
    result = barenet.train(arrays["x"], arrays["y"], settings=tables, seed=6, n_valid=100, batch_size=48, output=None)
    assert (result.config.trainer.epochs, result.config.trainer.seed) == (1, 6)
    assert result.config.model.hidden_sizes == (4,)
    assert result.networks[0].scores is None
    assert result.as_dict()["test_accuracy"] is None


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"trainr": {"epochs": 1}}, r"unknown table [trainr]; did you mean 'trainer'?"),
        ({"trainer": {"epoch": 1}}, "unknown setting trainer.epoch; did you mean 'epochs'?"),
        ({"trainer": 1}, "trainer must be a table of settings, got 1"),
        ({"trainer": {"epochs": 0}}, "trainer.epochs must be greater than 0, got 0"),
    ],
)
def test_wrong_tables_get_the_message_of_a_wrong_file(tables, message, arrays):
    assert message in refusal(ConfigError, arrays["x"], arrays["y"], settings=tables)


@pytest.mark.parametrize(("name", "near"), [("learn_rate", "learning_rate"), ("hiden", "hidden"), ("epoch", "epochs")])
def test_the_message_about_an_unknown_keyword_names_the_nearest(name, near, arrays):
    message = refusal(ConfigError, arrays["x"], arrays["y"], **{name: 1})
    assert message == f"unknown setting '{name}'; did you mean '{near}'?"


def test_given_validation_images_are_used(arrays):
    x_val, y_val = arrays["x"][:50], (arrays["y"][:50] + 1) % 4
    common = {"x": arrays["x"], "y": arrays["y"], "x_val": x_val, "y_val": y_val, **SMALL, "output": None}
    assert "data.n_valid is 100, but arrays already has 50 validation images" in refusal(ConfigError, **common)
    result = barenet.train(**common | {"n_valid": 50})
    assert result.config.data.n_valid == 50
    predicted = result.model.mlp.forward(x_val.reshape(50, 64).astype(np.float32) / 255).argmax(axis=1)
    assert result.networks[0].validation_accuracy == pytest.approx((predicted == y_val).mean(), abs=0.02)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("x",), "x and y go together; got only one of them"),
        (("y",), "x and y go together; got only one of them"),
        (("x", "y", "x_val"), "x_val and y_val go together; got only one of them"),
        (("x", "y", "y_test"), "x_test and y_test go together; got only one of them"),
        (("x_test", "y_test"), "x_val and x_test go with x and y; got no x"),
    ],
)
def test_a_missing_array_of_a_pair_is_an_error(given, message, arrays):
    everything = arrays | {"x_val": arrays["x"][:9], "y_val": arrays["y"][:9]}
    assert refusal(DataError, **{name: everything[name] for name in given}) == message


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"x_val": np.zeros((9, 7, 7), np.uint8)}, "x_val holds uint8 images of shape (7, 7), but x holds"),
        ({"y_val": np.full(9, 4)}, "y_val: label 4 of image 0 is out of range"),
        ({"x_val": np.zeros((8, 8, 8), np.uint8)}, "x_val holds 8 images but y_val 9 labels"),
    ],
)
def test_the_message_about_wrong_validation_images_has_their_argument(changed, words, arrays):
    validation = {"x_val": arrays["x"][:9], "y_val": arrays["y"][:9]} | changed
    message = refusal(DataError, **arrays, **validation)
    assert words in message
    assert "_test" not in message


def test_several_seeds_give_means_deviations_and_every_run(arrays):
    result = barenet.train(**arrays, **SMALL, n_seeds=3, seed=7, output=None).as_dict()
    assert set(result) == {
        *("run", "best_epoch", "training_seconds", "parameters", "runs", "diverged", "learned"),
        *("validation_accuracy", "validation_loss", "test_accuracy", "test_loss"),
        *("validation_accuracy_std", "validation_loss_std", "test_accuracy_std", "test_loss_std"),
        *("ensemble_test_accuracy", "ensemble_test_loss"),
    }
    assert [row["seed"] for row in result["runs"]] == [7, 8, 9]
    values = [row["test_loss"] for row in result["runs"]]
    mean = sum(values) / 3
    assert result["test_loss"] == pytest.approx(mean)
    assert result["test_loss_std"] == pytest.approx((sum((v - mean) ** 2 for v in values) / 2) ** 0.5)
    assert result["best_epoch"] == [row["best_epoch"] for row in result["runs"]]
    # 64 x 16 + 16, 16 x 8 + 8, 8 x 4 + 4.
    assert result["parameters"] == 1212
    assert result["diverged"] == []


def test_each_of_several_seeds_is_the_network_of_that_seed(arrays):
    together = barenet.train(**arrays, **SMALL, n_seeds=3, seed=7, output=None)
    alone = barenet.train(**arrays, **SMALL, seed=8, output=None)
    stacked, single = together.networks[1], alone.networks[0]
    assert stacked.model.mlp.parameters.values.tobytes() == single.model.mlp.parameters.values.tobytes()
    assert (stacked.validation_loss, stacked.scores.loss) == (single.validation_loss, single.scores.loss)


# ----------------------------------------------------------------------------------------------------------- resume


class Stop(Observer):
    """Press Ctrl-C after the first epoch."""

    def record(self, record) -> None:
        raise KeyboardInterrupt


@pytest.mark.slow
def test_a_stopped_run_goes_on_when_its_arrays_are_given_again(arrays, tmp_path, with_pictures):
    validation = {"x_val": arrays["x"][:50], "y_val": arrays["y"][:50]}
    small = SMALL | {"n_valid": 50}
    with pytest.raises(KeyboardInterrupt):
        barenet.train(**arrays, **validation, **small, output=tmp_path, name="a", observer=Stop())
    whole = barenet.train(**arrays, **validation, **small, output=tmp_path, name="b")
    assert "other images or labels" in refusal(RunError, tmp_path / "a", call=barenet.resume, **arrays)
    resumed = barenet.resume(tmp_path / "a", **arrays, **validation, epochs=2)
    for name in ("last", "best"):
        files = [(result.folder / f"{name}.safetensors").read_bytes() for result in (resumed, whole)]
        assert files[0] == files[1]
    assert (tmp_path / "a" / "figures" / "learning-curves.png").exists()


@pytest.mark.slow
def test_a_run_goes_on_only_with_its_settings(arrays, tmp_path):
    barenet.train(**arrays, **SMALL, output=tmp_path, name="a")
    message = refusal(RunError, tmp_path / "a", call=barenet.resume, **arrays, learning_rate=0.5)
    assert "was started with optimizer.learning_rate = 0.002, not 0.5" in message


# -------------------------------------------------------------------------------------------------- custom functions


def square(wrong: float = 1.0) -> barenet.Activation:
    return barenet.Activation.custom("square", lambda z: z * z, lambda da, z, a: wrong * 2 * da * z)


def brier(wrong: float = 1.0) -> barenet.Loss:
    def value(logits, labels):
        return np.mean(np.sum((logits - np.eye(logits.shape[-1])[labels]) ** 2, axis=-1), axis=-1)

    def gradient(logits, labels):
        return wrong * 2 * (logits - np.eye(logits.shape[-1])[labels]) / logits.shape[-2]

    return barenet.Loss.custom("brier", value, gradient)


def test_custom_functions_with_a_right_gradient_are_trained_with(arrays):
    result = barenet.train(**arrays, **SMALL, activation=square(), loss=brier(), output=None)
    assert result.config.model.activation == "custom:square"
    assert result.config.model.loss == "custom:brier"
    assert [row["activation"] for row in result.model.info.architecture] == ["custom:square"] * 2 + ["identity"]


@pytest.mark.parametrize("wrong", [0.5, 1.001, -1.0, 0.0])
def test_an_activation_with_a_wrong_gradient_is_refused(wrong, arrays):
    message = refusal(ConfigError, **arrays, **SMALL, activation=square(wrong))
    assert message.startswith("the gradient of activation 'custom:square' is wrong: relative error ")


@pytest.mark.parametrize("wrong", [0.5, 1.001, -1.0])
def test_a_loss_with_a_wrong_gradient_is_refused(wrong, arrays):
    message = refusal(ConfigError, **arrays, **SMALL, loss=brier(wrong))
    assert message.startswith("the gradient of loss 'custom:brier' is wrong: relative error ")


def test_a_kink_that_is_declared_is_left_out_of_the_check(arrays):
    def absolute(kinks):
        return barenet.Activation.custom("abs", np.abs, lambda da, z, a: da * np.sign(z), kinks=kinks)

    barenet.check_custom(absolute((0.0,)))
    result = barenet.train(**arrays, **SMALL, activation=absolute((0.0,)), output=None)
    assert result.networks[0].stopped.kind == "finished"


def test_single_layers_may_have_a_custom_activation(arrays):
    rows = [
        {"input_dim": 64, "output_dim": 6, "activation": "custom:square"},
        {"input_dim": 6, "output_dim": 4, "activation": "softmax"},
    ]
    result = barenet.train(
        **arrays, layers=rows, activations=[square()], epochs=1, n_valid=100, batch_size=48, output=None
    )
    assert [row["activation"] for row in result.model.info.architecture] == ["custom:square", "softmax"]


def test_the_name_of_a_custom_function_without_the_function_is_refused(arrays):
    assert "custom:square" in refusal(ConfigError, **arrays, **SMALL, activation="custom:square")
    assert "custom:brier" in refusal(ConfigError, **arrays, **SMALL, loss="custom:brier")


def test_a_softmax_that_is_not_fused_gives_probabilities(arrays):
    rows = [
        {"input_dim": 64, "output_dim": 6, "activation": "relu"},
        {"input_dim": 6, "output_dim": 4, "activation": "softmax"},
    ]
    result = barenet.train(**arrays, layers=rows, loss="mse", epochs=2, n_valid=100, batch_size=48, output=None)
    outputs = result.model.mlp.forward(arrays["x_test"].reshape(120, 64).astype(np.float32) / 255)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(result.networks[0].scores.probabilities, outputs, atol=1e-6)


def test_the_observer_gets_start_progress_and_records(arrays):
    heard = []

    class Listen(Observer):
        def start(self, folder, config, trainer) -> None:
            heard.append(("start", folder, config.trainer.epochs, len(trainer.configs)))

        def progress(self, epoch, step, n_steps, n_networks) -> None:
            heard.append(("progress", epoch, step, n_steps, n_networks))

        def record(self, record) -> None:
            heard.append(("record", record.network, record.epoch))

    settings = {name: value for name, value in SMALL.items() if name != "n_valid"}
    barenet.train(arrays["x"], arrays["y"], **settings | {"batch_size": 10}, n_seeds=2, output=None, observer=Listen())
    # The time of steps decides how many there are between two reports, so the reports of an epoch count as one here.
    of_epochs = [("progress", about[1]) if about[0] == "progress" else about for about in heard]
    assert [about for about, _ in groupby(of_epochs)] == [
        ("start", None, 2, 2),
        *(("progress", 1), ("record", 0, 1), ("record", 1, 1)),
        *(("progress", 2), ("record", 0, 2), ("record", 1, 2)),
    ]
    reports = [about[1:] for about in heard if about[0] == "progress"]
    assert {(n_steps, n_networks) for _, _, n_steps, n_networks in reports} == {(48, 2)}
    for epoch in (1, 2):
        steps = [step for of, step, _, _ in reports if of == epoch]
        assert steps[0] == 0
        assert steps[-1] == 47
        assert steps == sorted(set(steps))


def test_every_setting_can_be_given_by_keyword():
    # `train` takes keywords as settings: none of its parameters may have the name of a setting.
    arguments = {n for n, p in inspect.signature(barenet.train).parameters.items() if p.kind is not p.VAR_KEYWORD}
    hidden = {name for _, name, _ in describe_settings()} & arguments
    assert hidden <= {"name"}


def test_a_setting_given_by_two_names_is_an_error():
    with pytest.raises(ConfigError, match=r"optimizer.learning_rate was given twice, as 0.1 and, by the name"):
        barenet.train(lr=0.1, learning_rate=0.2)


def test_label_smoothing_with_a_custom_loss_is_refused(arrays):
    loss = barenet.Loss.custom("squares", lambda z, y: np.mean(np.sum(z**2, -1), -1), lambda z, y: 2 * z / z.shape[-2])
    with pytest.raises(ConfigError, match=r"label_smoothing = 0\.2 works with cross_entropy only"):
        barenet.train(**arrays, loss=loss, label_smoothing=0.2, output=None, verbose=False)


def test_a_custom_function_with_the_name_of_another_is_refused(arrays):
    square = barenet.Activation("relu", lambda z, out: np.square(z, out=out), lambda da, z, a, out: None)
    with pytest.raises(ConfigError, match=r"must be made with Activation.custom\('relu', ...\)"):
        barenet.train(**arrays, activation=square, output=None, verbose=False)


def test_a_function_of_the_package_may_be_given(arrays):
    settings = {"n_valid": 100, "epochs": 1, "hidden": 4, "batch_size": 48}
    relu = barenet.nn.ACTIVATIONS["relu"]
    result = barenet.train(**arrays, **settings, activation=relu, output=None, verbose=False)
    assert result.config.model.activation == "relu"


@pytest.mark.parametrize("dtype", [np.float64, np.int64])
def test_whole_numbers_up_to_255_are_taken_as_bytes_and_a_note_says_so(arrays, dtype):
    notes = listen()
    settings = {"n_valid": 100, "epochs": 1, "hidden": 4, "batch_size": 48, "output": None}
    by_numbers = barenet.train(arrays["x"].astype(dtype), arrays["y"], **settings, verbose=False)
    assert any("are taken as bytes, 0-255" in note for note in notes)
    notes.clear()
    by_bytes = barenet.train(arrays["x"], arrays["y"], **settings, verbose=False)
    assert not any("bytes" in note for note in notes)
    assert by_numbers.model.info.data_fingerprint == by_bytes.model.info.data_fingerprint
    np.testing.assert_array_equal(by_numbers.model.mlp.parameters.values, by_bytes.model.mlp.parameters.values)
