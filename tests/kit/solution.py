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
    losses = []
    order = rng.permutation(len(images))
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


VARIANTS = (
    Variant("logits", "forward", "model.py", "return a\n", "return z\n", "the softmax is missing"),
    Variant(
        "softmax over the batch",
        "forward",
        "model.py",
        "e = np.exp(z - z.max(axis=1, keepdims=True))\n                a = e / e.sum(axis=1, keepdims=True)",
        "e = np.exp(z - z.max(axis=0, keepdims=True))\n                a = e / e.sum(axis=0, keepdims=True)",
        "softmax goes over the batch",
    ),
    Variant("overflow", "forward", "model.py", "z - z.max(axis=1, keepdims=True)", "z", "large logits overflow"),
    Variant("no biases", "forward", "model.py", ' + self.parameters[f"b{i}"]', "", "the biases are missing"),
    Variant("no tanh", "forward", "model.py", "a = np.tanh(z)", "a = np.maximum(z, 0)", "relu where tanh is asked for"),
    Variant(
        "one activation",
        "forward",
        "model.py",
        "for i, layer in enumerate(self.nn_architecture, start=1):\n            z",
        "for i, layer in enumerate([self.nn_architecture[0]] * 2 + self.nn_architecture[2:], start=1):\n            z",
        "layer 2 computes tanh too",
    ),
    Variant("sum of losses", "loss", "model.py", "return -np.mean(np.log", "return -np.sum(np.log", "divide by B"),
    Variant("loss without minus", "loss", "model.py", "return -np.mean", "return np.mean", "the minus sign is missing"),
    Variant(
        "mask missing",
        "backward",
        "model.py",
        "dz = da * (self.z[i - 2] > 0)",
        "dz = da",
        "the ReLU mask (z > 0) of every hidden layer is missing",
    ),
    Variant(
        "batch twice", "backward", "model.py", "self.a[i - 1].T @ dz", "self.a[i - 1].T @ dz / len(dz)", "by B twice"
    ),
    Variant(
        "transposed weight",
        "backward",
        "model.py",
        '@ self.parameters[f"W{i}"].T',
        '@ self.parameters[f"W{i}"]',
        "W2.T and W2 are mixed up",
    ),
    Variant(
        "wrong sign",
        "backward",
        "model.py",
        "(p - np.eye(p.shape[1])[labels])",
        "(np.eye(p.shape[1])[labels] - p)",
        "sign",
    ),
    Variant(
        "twice", "sgd", "train.py", "parameters[name] -= self.lr", "parameters[name] -= 2 * self.lr", "changed twice"
    ),
    Variant("uphill", "sgd", "train.py", "parameters[name] -= self.lr", "parameters[name] += self.lr", "uphill"),
    Variant(
        "rebinds",
        "sgd",
        "train.py",
        "parameters[name] -= self.lr * gradients[name]",
        "p = parameters[name]; p = p - self.lr * gradients[name]",
        "changes nothing",
    ),
    Variant(
        "same order",
        "sgd",
        "train.py",
        "order = rng.permutation(len(images))",
        "order = np.arange(len(images))",
        "in their order",
    ),
    Variant(
        "labels of others",
        "sgd",
        "train.py",
        "network.backward(labels[rows])",
        "network.backward(labels[start : start + batch_size])",
        "the labels of other images",
    ),
    Variant(
        "last batch lost",
        "sgd",
        "train.py",
        "range(0, len(images), batch_size)",
        "range(0, len(images) - batch_size + 1, batch_size)",
        "leaves out the last, smaller batch",
    ),
    Variant(
        "decays always", "decay", "train.py", "self.n_steps % self.decay_step == 0 and ", "", "decays after every step"
    ),
    Variant("decays without end", "decay", "train.py", " and self.lr > 0.01", "", "decays without an end"),
    Variant("L2 on biases", "l2", "train.py", ' if name.startswith("W") else gradient', "", "L2 is for weights only"),
    Variant("L2 twice", "l2", "train.py", "gradient + self.ld *", "gradient + 2 * self.ld *", "counted twice"),
    Variant("saves the last", "saving", "train.py", "if value > best:", "if True:", "the weights of the last epoch"),
    Variant(
        "saves the worst",
        "saving",
        "train.py",
        'accuracy if trainer_kwargs["metric"] == "acc" else -loss',
        "-accuracy",
        "the worst weights",
    ),
    Variant(
        "validates on test", "saving", "train.py", '*data["valid"]', '*data["test"]', "computed on the test images"
    ),
    Variant(
        "validates on training", "saving", "train.py", '*data["valid"]', '*data["train"]', "on the training images"
    ),
    Variant("percent", "saving", "train.py", "np.mean(p.argmax", "100 * np.mean(p.argmax", "it is in percent"),
    Variant("metric ignored", "saving", "train.py", "else -loss", "else accuracy", "the best weights by accuracy"),
    Variant(
        "new network",
        "testing",
        "test.py",
        "network.parameters = load_weights(path)",
        "load_weights(path)",
        "a new network",
    ),
    Variant("validation images", "testing", "test.py", 'data["test"]', 'data["valid"]', "on the validation images"),
    Variant("one at a time", "search", "gridsearch.py", "itertools.product(", "zip(", "2 of 8 combinations"),
    Variant(
        "records the last",
        "search",
        "gridsearch.py",
        'max(history, key=lambda record: record["valid_acc"])',
        "history[-1]",
        "records the last validation",
    ),
    Variant("worst settings", "search", "gridsearch.py", "max(results,", "min(results,", "the worst settings"),
    Variant(
        "rows for columns",
        "pictures",
        "param_vis.py",
        "weights[:, j]",
        "weights.reshape(-1, len(weights))[j]",
        "is a column",
    ),
    Variant(
        "always the same",
        "pictures",
        "param_vis.py",
        'save_picture(folder / f"{name}.png", value)',
        'save_picture(folder / f"{name}.png", np.arange(value.size).reshape(value.shape))',
        "is the same for other weights",
    ),
)
