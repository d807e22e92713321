"""Right code of other styles than the solution's is right, with no misleading note."""

from __future__ import annotations

import pytest
from families import slow
from solution import BODIES, replace_once, write_solution

from barenet.kit.check import check_homework
from barenet.kit.findings import RIGHT
from barenet.kit.steps import find_step

L2 = BODIES["train.py"][2].strip("\n").rstrip()
SHAPES = "return {k: g + self.ld * parameters[k] if len(g) > 1 else g for k, g in gradients.items()}"
SHALLOW = """result = gradients.copy()
        for name in result:
            if name[0] == "W":
                result[name] += self.ld * parameters[name]
        return result"""
LOSSES = "    losses = []\n"
FORWARD = "(network.forward(images[rows]), "
RECORD = '"valid_loss": loss, "valid_acc": accuracy'
SAVE = 'save_picture(folder / f"{name}.png", value)'
COLOURS = (
    "from PIL import Image; v = (20 * np.abs(value) + 10).astype(np.uint8); z = 0 * v\n"
    "            Image.fromarray(np.where(value[..., None] > 0, np.stack([v, z, z], 2), np.stack([z, z, v], 2)))"
    '.save(folder / f"{name}.png")'
)
FLOAT32 = 'self.parameters[f"{}{i}"].astype(np.float32)'


@pytest.mark.parametrize(
    ("step", "file", "before", "after"),
    [
        ("l2", "train.py", L2, f"        {SHAPES}"),
        ("sgd", "train.py", FORWARD, "(probabilities=network.forward(x=images[rows]), labels="),
        ("sgd", "train.py", LOSSES, LOSSES + "    f'{optimizer.lr:.4f} {network.nn_architecture}'\n"),
        ("search", "gridsearch.py", 'encoding="utf-8"', 'encoding="utf-8-sig"'),
        ("pictures", "param_vis.py", SAVE, COLOURS),
        ("pictures", "param_vis.py", SAVE, SAVE.replace("value)", "value[::-1])")),
        slow(
            (
                "backward",
                "model.py",
                'self.a[-1] @ self.parameters[f"W{i}"] + self.parameters[f"b{i}"]',
                f"self.a[-1].astype(np.float32) @ {FLOAT32.replace('{}', 'W')} + {FLOAT32.replace('{}', 'b')}",
            )
        ),
        slow(("backward", "model.py", "(n_inputs, n_outputs))\n", "(n_inputs, n_outputs)).astype(np.float32)\n")),
        slow(
            (
                "saving",
                "train.py",
                RECORD,
                RECORD.replace("loss,", "round(loss, 2),").replace("accuracy", "round(accuracy, 2)"),
            )
        ),
        slow(
            ("saving", "train.py", "\n\nnn_arch", "\n\nfrom functools import partial\ntrain = partial(train)\nnn_arch")
        ),
        slow(("saving", "model.py", "np.sqrt(2 / n_inputs)", "0.1")),
    ],
)
def test_right_code_is_right(step, file, before, after, tmp_path, check_here):
    folder = write_solution(tmp_path / "kit")
    replace_once(folder / file, before, after)
    result = check_here(folder, step)
    assert (result.status, result.wrong, result.notes) == (RIGHT, (), ())


@pytest.mark.parametrize("step", ["forward", slow("backward"), slow("saving")])
@pytest.mark.parametrize("parameters", ["{}", slow("property")])
def test_layers_may_share_the_arrays_of_the_parameters(parameters, step, tmp_path, check_here):
    folder = write_solution(tmp_path / "kit")
    model = folder / "model.py"
    replace_once(
        model,
        "    def forward(self, x):\n",
        "        self.layers = dict(self.parameters)\n\n    def forward(self, x):\n",
    )
    replace_once(
        model, 'self.parameters[f"W{i}"] + self.parameters[f"b{i}"]', 'self.layers[f"W{i}"] + self.layers[f"b{i}"]'
    )
    if parameters == "property":
        text = model.read_text("utf-8").replace("self.parameters[", "self.layers[")
        text = text.replace("self.parameters = {}", "self.layers = {}").replace("dict(self.parameters)", "self.layers")
        model.write_text(text, "utf-8")
        replace_once(
            model,
            "    def forward(self, x):\n",
            "    @property\n    def parameters(self):\n        return dict(self.layers)\n\n    def forward(self, x):\n",
        )
    result = check_here(folder, step)
    assert (result.status, result.wrong, result.notes) == (RIGHT, (), ())


@pytest.mark.parametrize(
    ("step", "file", "before", "after", "words"),
    [
        (
            "loss",
            "model.py",
            "    return -np.mean(np.log(np.maximum(right, 1e-12)))",
            "    import math\n    return -sum(math.log(p) for p in right) / len(right)",
            "where a probability is 0, cross_entropy",
        ),
        ("l2", "train.py", L2, f"        {SHALLOW}", "changes the arrays"),
    ],
)
def test_what_does_no_harm_is_a_note(step, file, before, after, words, tmp_path, check_here):
    folder = write_solution(tmp_path / "kit")
    replace_once(folder / file, before, after)
    result = check_here(folder, step)
    assert (result.status, result.wrong) == (RIGHT, ())
    assert words in result.notes[0]


@pytest.mark.slow
def test_a_file_may_read_its_arguments_when_it_is_imported(tmp_path):
    folder = write_solution(tmp_path / "kit")
    replace_once(
        folder / "train.py", "class SGD:", "import argparse\nargparse.ArgumentParser().parse_args()\n\n\nclass SGD:"
    )
    assert check_homework(folder, steps=[find_step("decay")]).passed
