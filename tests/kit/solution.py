"""A solution of the assignment, and variants of it with one mistake each.

`BODIES` has the bodies for each file, in their order; `write_solution` puts them into a kit in place of
`raise NotImplementedError(...)`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from barenet.kit.folder import new_kit

BODIES = {
    "model.py": (
        """
        self.a, self.z = [x], []
        for i, layer in enumerate(self.nn_architecture, start=1):
            z = self.a[-1] @ self.parameters[f"W{i}"] + self.parameters[f"b{i}"]
            if layer["activation"] == "relu":
                a = np.maximum(z, 0)
            elif layer["activation"] == "sigmoid":
                a = 1 / (1 + np.exp(-z))
            elif layer["activation"] == "tanh":
                a = np.tanh(z)
            else:
                e = np.exp(z - z.max(axis=1, keepdims=True))
                a = e / e.sum(axis=1, keepdims=True)
            self.z.append(z)
            self.a.append(a)
        return a
        """,
        """
        gradients = {}
        p = self.a[-1]
        dz = (p - np.eye(p.shape[1])[labels]) / len(labels)
        for i in range(len(self.nn_architecture), 0, -1):
            gradients[f"W{i}"] = self.a[i - 1].T @ dz
            gradients[f"b{i}"] = dz.sum(axis=0, keepdims=True)
            if i > 1:
                da = dz @ self.parameters[f"W{i}"].T
                a, activation = self.a[i - 1], self.nn_architecture[i - 2]["activation"]
                if activation == "relu":
                    dz = da * (self.z[i - 2] > 0)
                elif activation == "sigmoid":
                    dz = da * a * (1 - a)
                else:
                    dz = da * (1 - a**2)
        return gradients
        """,
        """
    right = probabilities[np.arange(len(labels)), labels]
    return -np.mean(np.log(np.maximum(right, 1e-12)))
        """,
        """
    np.savez(path, **parameters)
        """,
        """
    with np.load(path) as arrays:
        return {name: arrays[name] for name in arrays.files}
        """,
    ),
    "train.py": (
        """
        for name in parameters:
            parameters[name] -= self.lr * gradients[name]
        """,
        """
        self.n_steps += 1
        if self.n_steps % self.decay_step == 0 and self.lr > 0.01:
            self.lr *= self.decay_rate
        """,
        """
        result = {}
        for name, gradient in gradients.items():
            result[name] = gradient + self.ld * parameters[name] if name.startswith("W") else gradient
        return result
        """,
        """
    order, losses = rng.permutation(len(images)), []
    for start in range(0, len(images), batch_size):
        rows = order[start : start + batch_size]
        losses.append(cross_entropy(network.forward(images[rows]), labels[rows]))
        gradients = network.backward(labels[rows])
        optimizer.step(network.parameters, gradients)
    return np.mean(losses)
        """,
        """
    p = network.forward(images)
    return cross_entropy(p, labels), np.mean(p.argmax(axis=1) == labels)
        """,
        """
    data = load_data(dataloader_kwargs["path_dir"], dataloader_kwargs["n_valid"])
    network = NeuralNetwork(nn_architecture, seed=trainer_kwargs["seed"])
    optimizer = SGD(**optimizer_kwargs)
    rng = np.random.default_rng(trainer_kwargs["seed"])
    history, best = [], -np.inf
    for epoch in range(1, trainer_kwargs["n_epochs"] + 1):
        train_loss = train_epoch(network, optimizer, *data["train"], dataloader_kwargs["batch_size"], rng)
        if epoch % trainer_kwargs["eval_step"] == 0:
            loss, accuracy = evaluate(network, *data["valid"])
            value = accuracy if trainer_kwargs["metric"] == "acc" else -loss
            if value > best:
                best = value
                save_weights(network.parameters, trainer_kwargs["path"])
            record = {"epoch": epoch, "train_loss": train_loss, "valid_loss": loss, "valid_acc": accuracy}
            history.append(record)
    return history
        """,
    ),
    "test.py": (
        """
    network = NeuralNetwork(nn_architecture)
    network.parameters = load_weights(path)
    data = load_data(dataloader_kwargs["path_dir"], dataloader_kwargs["n_valid"])
    return evaluate(network, *data["test"])[1]
        """,
    ),
    "gridsearch.py": (
        """
    results = []
    for values in itertools.product(*hyper_param_opts.values()):
        settings = hyper_param_defaults | dict(zip(hyper_param_opts, values))
        optimizer_kwargs = {name: settings[name] for name in ("lr", "ld", "decay_rate", "decay_step")}
        history = train(make_architecture(settings), dataloader_kwargs, optimizer_kwargs, trainer_kwargs)
        if trainer_kwargs["metric"] == "acc":
            best = max(history, key=lambda record: record["valid_acc"])
        else:
            best = min(history, key=lambda record: record["valid_loss"])
        results.append([settings, float(best["valid_loss"]), float(best["valid_acc"])])
    with open("gridsearch_results.json", "w", encoding="utf-8") as file:
        json.dump(results, file, indent=4)
    if trainer_kwargs["metric"] == "acc":
        return max(results, key=lambda row: row[2])[0]
    return min(results, key=lambda row: row[1])[0]
        """,
    ),
    "param_vis.py": (
        """
    side = int(np.sqrt(len(weights)))
    n_rows = -(-weights.shape[1] // n_columns)
    image = np.zeros((n_rows * side, n_columns * side))
    for j in range(weights.shape[1]):
        row, column = j // n_columns * side, j % n_columns * side
        image[row : row + side, column : column + side] = weights[:, j].reshape(side, side)
    return image
        """,
        """
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    save_picture(folder / "neurons.png", neuron_images(parameters["W1"], 16))
    for name, value in parameters.items():
        if name.startswith("W"):
            save_picture(folder / f"{name}.png", value)
        """,
    ),
}
HOLE = re.compile(r"^ *raise NotImplementedError\(.*\)$", re.MULTILINE)


@dataclass(frozen=True)
class Variant:
    """A mistake: text of the solution that is replaced, the step that it belongs to, and words that must name it."""

    name: str
    step: str
    file: str
    before: str
    after: str
    words: str


def write_solution(folder: Path, language: str = "en", *, files: tuple[str, ...] = tuple(BODIES)) -> Path:
    """Make a kit, and write the solution into some of its files."""
    new_kit(folder, language)
    for file in files:
        bodies = iter(BODIES[file])
        text = (folder / file).read_text("utf-8")
        text = HOLE.sub(lambda _: next(bodies).strip("\n").rstrip(), text)  # noqa: B023
        assert next(bodies, None) is None
        (folder / file).write_text(text, "utf-8")
    return folder


def write_variant(folder: Path, variant: Variant) -> Path:
    """Make a kit with the solution and one mistake."""
    write_solution(folder)
    replace_once(folder / variant.file, variant.before, variant.after)
    return folder


def replace_once(file: Path, before: str, after: str) -> None:
    """Replace text that is in a file exactly once."""
    text = file.read_text("utf-8")
    assert text.count(before) == 1, (file.name, before, text.count(before))
    file.write_text(text.replace(before, after), "utf-8")
