"""Mistakes of people who did the assignment for the first time: each one is found and named."""

from __future__ import annotations

import pytest
from solution import replace_once, write_solution

from barenet.kit.findings import RIGHT, WRONG

SOFTMAX = "e = np.exp(z - z.max(axis=1, keepdims=True))\n                a = e / e.sum(axis=1, keepdims=True)"
LOSS = "right = probabilities[np.arange(len(labels)), labels]\n    return -np.mean(np.log(np.maximum(right, 1e-12)))"
ONE_HOT = "y = np.eye(probabilities.shape[1])[labels]"


@pytest.mark.parametrize(
    ("step", "file", "before", "after", "words"),
    [
        ("forward", "model.py", "z.max(axis=1, keepdims=True)", "z.max()", "not that of the whole array"),
        ("forward", "model.py", "e.sum(axis=1, keepdims=True)", "e.sum(axis=0)", "softmax divides by a sum over the b"),
        ("forward", "model.py", "e.sum(axis=1, keepdims=True)", "e.sum()", "by the sum of the whole array"),
        ("forward", "model.py", SOFTMAX, "z = np.maximum(z, 0); " + SOFTMAX, "ReLU is computed in the last layer too"),
        ("forward", "model.py", "np.exp(-z)", "np.exp(z)", "the minus sign of z is missing"),
        (
            "forward",
            "model.py",
            "        self.a, self.z = [x], []",
            "        p = self.parameters\n"
            "        self.parameters = NeuralNetwork(self.nn_architecture).parameters\n"
            "        self.a, self.z = [x], []",
            "must compute with network.parameters",
        ),
        ("loss", "model.py", LOSS, "return -np.sum(np.log(probabilities[:, labels])) / len(labels)", "np.arange(B)"),
        (
            "loss",
            "model.py",
            LOSS,
            f"{ONE_HOT}\n    p = probabilities\n"
            "    return -np.sum(y * np.log(p + 1e-12) + (1 - y) * np.log(1 - p + 1e-12)) / len(labels)",
            "the wrong classes count too",
        ),
        (
            "loss",
            "model.py",
            LOSS,
            f"{ONE_HOT}\n    e = np.exp(probabilities)\n    return -np.mean(np.log((y * e).sum(1) / e.sum(1)))",
            "the softmax is computed again",
        ),
        (
            "backward",
            "model.py",
            "dz.sum(axis=0, keepdims=True)",
            "dz.sum(axis=1, keepdims=True)",
            "sum over the batch",
        ),
        ("backward", "model.py", "dz.sum(axis=0, keepdims=True)", "dz.sum(axis=0)", "axis=0, keepdims=True"),
        ("sgd", "train.py", "return np.mean(losses)", "return losses[-1]", "the loss of the last batch"),
        ("sgd", "train.py", "return np.mean(losses)", "return sum(losses) / len(images)", "the number of images"),
        ("sgd", "train.py", "return np.mean(losses)", "return sum(losses) / batch_size", "by the batch size"),
        (
            "sgd",
            "train.py",
            "optimizer.step(network.parameters, gradients)\n    ret",
            "optimizer.update(0, 0)\n    ret",
            "call optimizer.step, which also decays",
        ),
        ("decay", "train.py", "*= self.decay_rate", "*= self.decay_rate ** self.n_steps", "decay_rate ** n_steps"),
        ("l2", "train.py", "self.ld * parameters", "self.lr * self.ld * parameters", "multiplied by lr"),
        (
            "l2",
            "train.py",
            'result[name] = gradient + self.ld * parameters[name] if name.startswith("W") else gradient',
            'if name.startswith("W"): result[name] = gradient + self.ld * parameters[name]',
            "SGD.add_l2 returns no b1",
        ),
    ],
)
def test_the_mistake_is_named(step, file, before, after, words, tmp_path, check_here):
    folder = write_solution(tmp_path / "kit", files=("model.py", "train.py"))
    replace_once(folder / file, before, after)
    result = check_here(folder, step)
    assert result.status == WRONG
    assert words in " ".join((*result.wrong, *result.notes))


def test_the_mean_over_the_images_of_an_epoch_is_right_too(tmp_path, check_here):
    folder = write_solution(tmp_path / "kit", files=("model.py", "train.py"))
    replace_once(folder / "train.py", "labels[rows]))", "labels[rows]) * len(rows))")
    replace_once(folder / "train.py", "return np.mean(losses)", "return sum(losses) / len(images)")
    assert check_here(folder, "sgd").status == RIGHT


@pytest.mark.parametrize(
    ("step", "file", "before", "after", "words"),
    [
        ("saving", "train.py", '*data["train"]', '*data["valid"]', "from images that are not for training"),
        ("saving", "train.py", '"train_loss": train_loss', '"train_loss": loss', "is the validation loss"),
        (
            "saving",
            "train.py",
            'dataloader_kwargs["batch_size"], rng',
            "8, rng",
            "another dataloader_kwargs['batch_size']",
        ),
        ("saving", "train.py", "SGD(**optimizer_kwargs)", "SGD(optimizer_kwargs['lr'])", "optimizer_kwargs['ld']"),
        ("saving", "train.py", ', seed=trainer_kwargs["seed"]', "", "the first weights are the same"),
        ("saving", "train.py", 'default_rng(trainer_kwargs["seed"])', "default_rng(0)", "the order of the images is"),
        (
            "saving",
            "train.py",
            '["batch_size"], rng',
            '["batch_size"], np.random.default_rng(trainer_kwargs["seed"])',
            "several epochs have the same order",
        ),
        (
            "saving",
            "train.py",
            "        train_loss = ",
            "        optimizer = SGD(**optimizer_kwargs)\n        train_loss = ",
            "optimizer_kwargs['decay_rate']",
        ),
        (
            "saving",
            "train.py",
            "        train_loss = ",
            "        network = NeuralNetwork(nn_architecture)\n        train_loss = ",
            "make the network once",
        ),
        ("saving", "train.py", 'load_data(dataloader_kwargs["path_dir"], ', "load_data(n_valid=", "must get path_dir"),
        ("saving", "train.py", ', dataloader_kwargs["n_valid"])', ")", "must get n_valid"),
        ("saving", "model.py", "np.savez(path,", "np.savez('mine',", "there is mine.npz"),
        ("testing", "test.py", 'dataloader_kwargs["path_dir"]', '"."', "must get path_dir"),
        ("search", "gridsearch.py", "min(history", "max(history", "records the last validation"),
        ("search", "gridsearch.py", "min(results", "max(results", "the worst settings"),
        ("search", "gridsearch.py", 'float(best["valid_loss"])', 'min(r["valid_loss"] for r in history)', "mixes two"),
        (
            "search",
            "gridsearch.py",
            '    if trainer_kwargs["metric"] == "acc":\n        return',
            "    if True:\n        return",
            "the best settings by acc, and trainer_kwargs['metric'] is 'loss'",
        ),
        (
            "search",
            "gridsearch.py",
            '{name: settings[name] for name in ("lr", "ld", "decay_rate", "decay_step")}',
            "settings",
            "which SGD cannot take",
        ),
        (
            "search",
            "gridsearch.py",
            "optimizer_kwargs, trainer_kwargs)",
            'optimizer_kwargs, {**trainer_kwargs, "n_epochs": 1})',
            "the trainer_kwargs that it is given",
        ),
        (
            "pictures",
            "param_vis.py",
            "-(-weights.shape[1] // n_columns)",
            "weights.shape[1] // n_columns + 1",
            "round up",
        ),
        ("pictures", "param_vis.py", "folder.mkdir(exist_ok=True)", "folder.mkdir()", "a folder that is there already"),
        ("pictures", "param_vis.py", "    return image", "    return image.astype(np.uint8)", "weights from -1 to 1"),
    ],
)
def test_the_mistake_in_the_program_around_the_network_is_named(step, file, before, after, words, tmp_path, check_here):
    folder = write_solution(tmp_path / "kit")
    replace_once(folder / file, before, after)
    result = check_here(folder, step)
    assert result.status == WRONG
    assert words in " ".join((*result.wrong, *result.notes))


def test_a_training_that_cannot_be_repeated_is_a_note(tmp_path, check_here):
    folder = write_solution(tmp_path / "kit")
    replace_once(folder / "train.py", 'default_rng(trainer_kwargs["seed"])', "default_rng()")
    result = check_here(folder, "saving")
    assert result.status == RIGHT
    assert "another history each time" in result.notes[0]


def test_the_best_accuracy_may_begin_at_zero(tmp_path, check_here):
    folder = write_solution(tmp_path / "kit")
    first = '0 if trainer_kwargs["metric"] == "acc" else -np.inf'
    replace_once(folder / "train.py", "history, best = [], -np.inf", f"history, best = [], {first}")
    assert check_here(folder, "saving").wrong == ()


def test_saving_needs_neither_decay_nor_l2(tmp_path, check_here):
    folder = write_solution(tmp_path / "kit")
    replace_once(folder / "train.py", "        result = {}\n", '        raise NotImplementedError("step 6: l2")\n')
    replace_once(
        folder / "train.py", "        self.n_steps += 1\n", '        raise NotImplementedError("step 5: decay")\n'
    )
    assert check_here(folder, "saving").status == RIGHT


@pytest.mark.parametrize(
    ("step", "before", "after"),
    [
        ("l2", "gradient + self.ld * parameters[name] if name", "gradient if name"),
        ("decay", "self.lr *= self.decay_rate", "pass"),
    ],
)
def test_a_mistake_of_the_optimizer_is_wrong_in_its_step_only(step, before, after, tmp_path, check_here):
    folder = write_solution(tmp_path / "kit")
    replace_once(folder / "train.py", before, after)
    assert [check_here(folder, name).status for name in (step, "saving")] == [WRONG, RIGHT]
