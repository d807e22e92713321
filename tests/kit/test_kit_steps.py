"""The check of each step: the solution passes, and each mistake is found in its step and named."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from families import slow, slow_except
from solution import BODIES, VARIANTS, replace_once, write_solution, write_variant

from barenet.kit.findings import MISSING, NOT_CHECKED, RIGHT, WRONG
from barenet.kit.folder import LANGUAGES, TEMPLATES, new_kit
from barenet.kit.steps import STEPS

QUICK = ("logits", "sum of losses", "mask missing", "uphill", "decays always", "L2 on biases", "saves the last")


@pytest.mark.parametrize("language", ["en", slow("zh")])
def test_the_solution_passes_every_step(language, tmp_path, check_here):
    folder = write_solution(tmp_path / "kit", language)
    results = [check_here(folder, step.name) for step in STEPS]
    assert [(result.step, result.status, result.wrong, result.notes) for result in results] == [
        (step.name, RIGHT, (), ()) for step in STEPS
    ]


@pytest.mark.parametrize(
    "variant",
    slow_except(VARIANTS, *(variant for variant in VARIANTS if variant.name in QUICK)),
    ids=lambda variant: variant.name,
)
def test_each_mistake_is_named_in_its_step(variant, tmp_path, check_here):
    result = check_here(write_variant(tmp_path / "kit", variant), variant.step)
    assert result.status == WRONG
    assert variant.words in " ".join((*result.wrong, *result.notes))


def test_every_step_has_variants():
    assert {variant.step for variant in VARIANTS} == {step.name for step in STEPS}
    assert len(VARIANTS) >= 20
    assert len({variant.name for variant in VARIANTS}) == len(VARIANTS)


def test_no_step_of_a_new_kit_is_written(tmp_path, check_here):
    new_kit(tmp_path / "kit")
    results = {step.name: check_here(tmp_path / "kit", step.name) for step in STEPS}
    waits = {name: result.notes for name, result in results.items() if result.status == NOT_CHECKED}
    assert waits == {"backward": ("it needs step 1 (forward), which is not written yet",)}
    assert {result.status for name, result in results.items() if name not in waits} == {MISSING}


def test_the_first_wrong_layer_is_named(tmp_path, check_here):
    folder = write_solution(tmp_path / "kit", files=("model.py",))
    mask = "dz = da * (self.z[i - 2] > 0)"
    replace_once(folder / "model.py", mask, "dz = da * (self.z[i - 2] > 0) if i == 3 else da")
    result = check_here(folder, "backward")
    assert "the ReLU mask (z > 0) of hidden layer 1 is missing" in result.wrong[0]
    assert "right until layer 2 and wrong from layer 1 on: look at layer 1 first" in result.notes[0]


@pytest.mark.parametrize(
    ("step", "before", "after", "words"),
    [
        ("forward", "return a\n", "return\n", "the result of forward for 6 images and 3 classes is None; is a return"),
        ("forward", "return a\n", "return a.T\n", "must have shape (6, 3), got (3, 6); is it transposed?"),
        ("forward", "return a\n", "return list(a)\n", "must be a NumPy array of shape (6, 3), got list"),
        ("forward", "return a\n", "return b\n", "forward (model.py line 54) fails at `return b`: NameError: name 'b'"),
        (
            "loss",
            "return -np.mean(np.log",
            "return -(np.log",
            "cross_entropy must be one number, got an array of shape",
        ),
        ("forward", "e.sum(axis=1, keepdims=True)", "e.sum(axis=1)", "over axis=1 needs keepdims=True here"),
        ("backward", 'gradients[f"b{i}"]', 'gradients[f"c{i}"]', "backward gives no gradient of b1"),
        (
            "backward",
            "axis=0, keepdims=True)\n            if",
            "axis=0)\n            if",
            "must have shape (1, 5), got (5,)",
        ),
        ("backward", "        return gradients\n", "        gradients\n", "got None; is a return missing?"),
    ],
)
def test_results_of_other_kinds_and_errors_are_explained(step, before, after, words, tmp_path, check_here):
    folder = write_solution(tmp_path / "kit", files=("model.py",))
    replace_once(folder / "model.py", before, after)
    result = check_here(folder, step)
    assert result.status == WRONG
    assert words in result.wrong[0]


@pytest.mark.parametrize(
    ("step", "file", "before", "after", "words"),
    [
        ("backward", "model.py", "dz = (p -", "self.parameters['W2'] += 1; dz = (p -", "backward changes W"),
        ("decay", "train.py", "*= self.decay_rate", "*= self.decay_rate ** (self.n_steps // 3)", "number of decays"),
        ("decay", "train.py", "self.n_steps % self.decay_step == 0", "self.n_steps == 3", "it decays only once"),
        (
            "loss",
            "model.py",
            "probabilities[np.arange(len(labels)), ",
            "probabilities[:, ",
            "the columns of all labels",
        ),
    ],
)
def test_other_mistakes_are_named(step, file, before, after, words, tmp_path, check_here):
    folder = write_solution(tmp_path / "kit", files=(file,))
    replace_once(folder / file, before, after)
    result = check_here(folder, step)
    assert words in " ".join(result.wrong)


def test_the_global_generator_of_numpy_is_good_enough_for_an_epoch(tmp_path, check_here):
    folder = write_solution(tmp_path / "kit", files=("train.py", "model.py"))
    replace_once(folder / "train.py", "= rng.permutation(", "= np.random.permutation(")
    assert check_here(folder, "sgd").status == RIGHT


def test_changed_probabilities_are_a_note(tmp_path, check_here):
    folder = write_solution(tmp_path / "kit", files=("model.py",))
    replace_once(
        folder / "model.py", "dz = (p - np.eye(p.shape[1])[labels])", "p -= np.eye(p.shape[1])[labels]; dz = p"
    )
    result = check_here(folder, "backward")
    assert result.status == RIGHT
    assert "backward changes the probabilities that forward returned" in result.notes[0]


def test_printing_is_a_note_and_reading_input_and_moving_are_wrong(tmp_path, check_here):
    folder = write_solution(tmp_path / "kit", files=("model.py",))
    replace_once(folder / "model.py", "    right = prob", "    print('hello')\n    right = prob")
    result = check_here(folder, "loss")
    assert (result.status, result.notes) == (RIGHT, ("cross_entropy prints; it begins with 'hello'",))
    replace_once(folder / "model.py", "print('hello')", "import os; os.chdir('..')")
    result = check_here(folder, "loss")
    assert result.wrong == ("cross_entropy changes the working folder; use paths instead of os.chdir",)
    replace_once(folder / "model.py", "os.chdir('..')", "input('number? ')")
    result = check_here(folder, "loss")
    assert "reads input" in result.wrong[0]
    replace_once(folder / "model.py", "input('number? ')", "raise SystemExit")
    result = check_here(folder, "loss")
    assert "ends the program with exit()" in result.wrong[0]


@pytest.mark.parametrize(
    "code",
    [
        "sys.stdout.reconfigure(encoding='utf-8')",
        "sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding='utf-8', write_through=True)",
    ],
)
def test_code_that_sets_the_encoding_of_its_output_is_right(code, tmp_path, check_here):
    folder = write_solution(tmp_path / "kit", files=("model.py",))
    source = (folder / "model.py").read_text("utf-8")
    (folder / "model.py").write_text(f"import io, sys\n{code}\nprint('你好')\n{source}", "utf-8")
    result = check_here(folder, "loss")
    assert (result.status, result.notes) == (RIGHT, ("importing model.py prints; it begins with '你好'",))


def test_the_folder_of_the_homework_comes_before_that_of_the_adapter(tmp_path, check_here):
    other, mine = tmp_path / "other", tmp_path / "mine"
    mine.mkdir()
    write_solution(other, files=("model.py",))
    (mine / "model.py").write_text("raise NameError('the model.py beside the adapter')\n", "utf-8")
    (mine / "adapter.py").write_text("from model import cross_entropy\n", "utf-8")
    assert check_here(other, "loss", mine / "adapter.py").status == RIGHT


def test_code_that_cannot_be_imported_is_explained(tmp_path, check_here):
    folder = write_solution(tmp_path / "kit", files=("model.py",))
    replace_once(folder / "model.py", "def cross_entropy(", "def cross_entropy((")
    result = check_here(folder, "loss")
    assert re.match(r"importing model.py fails: model.py line \d+: SyntaxError: ", result.wrong[0])
    (folder / "model.py").write_text("import nothing_of_this_name\n", "utf-8")
    result = check_here(folder, "loss")
    assert "importing model.py (model.py line 1) fails at `import nothing_of_this_name`: Module" in result.wrong[0]
    (folder / "model.py").write_text("", "utf-8")
    assert check_here(folder, "loss").wrong == (
        "model.py has no cross_entropy; the kit's file has one, and its name must stay",
    )


def test_an_adapter_gives_other_homework_the_names_of_the_kit(tmp_path, check_here):
    other = tmp_path / "other"
    other.mkdir()
    solution = write_solution(tmp_path / "kit", files=("model.py",))
    source = (solution / "model.py").read_text("utf-8").replace("NeuralNetwork", "Net").replace("forward", "predict")
    (other / "mine.py").write_text(source.replace("cross_entropy", "ce"), "utf-8")
    adapter = tmp_path / "adapter.py"
    adapter.write_text(
        "import sys\nsys.path.insert(0, 'unused')\nfrom mine import Net, ce as cross_entropy\n"
        "class NeuralNetwork(Net):\n    def forward(self, x):\n        return self.predict(x)\n",
        "utf-8",
    )
    for step in ("forward", "loss", "backward"):
        assert check_here(other, step, adapter).status == RIGHT
    result = check_here(other, "decay", adapter)
    assert (result.status, result.notes) == (MISSING, ("adapter.py has no SGD",))


def test_a_class_without_a_method_is_explained(tmp_path, check_here):
    folder = write_solution(tmp_path / "kit", files=("train.py", "model.py"))
    for step, file, name, title in (
        ("forward", "model.py", "forward", "NeuralNetwork"),
        ("backward", "model.py", "backward", "NeuralNetwork"),
        ("sgd", "train.py", "update", "SGD"),
        ("decay", "train.py", "decay", "SGD"),
        ("l2", "train.py", "add_l2", "SGD"),
    ):
        text = (folder / file).read_text("utf-8")
        replace_once(folder / file, f"def {name}(", f"def my_{name}(")
        result = check_here(folder, step)
        assert (result.status, result.wrong) == (
            WRONG,
            (f"{title} has no method {name}; the kit's class has one, and its name must stay",),
        )
        (folder / file).write_text(text, "utf-8")


def test_a_method_that_an_adapter_leaves_out_is_not_written_yet(tmp_path, check_here):
    adapter = tmp_path / "adapter.py"
    adapter.write_text("class SGD:\n    def __init__(self, lr, **others):\n        self.lr = lr\n", "utf-8")
    result = check_here(tmp_path, "decay", adapter)
    assert (result.status, result.notes) == (MISSING, ("SGD in adapter.py has no method decay",))


def test_a_network_with_fewer_layers_than_asked_for_is_explained(tmp_path, check_here):
    folder = write_solution(tmp_path / "kit", files=("model.py",))
    replace_once(folder / "model.py", "enumerate(nn_architecture, start=1)", "enumerate(nn_architecture[:2], start=1)")
    words = "network.parameters has no W3; it has W1, b1, W2, b2; nn_architecture has 3 layers"
    assert check_here(folder, "forward").wrong == (words,)


def test_the_last_weights_are_found_though_the_losses_of_the_first_seed_differ_little(tmp_path, check_here):
    folder = write_solution(tmp_path / "kit")
    replace_once(folder / "model.py", "np.sqrt(2 / n_inputs)", "0.28")
    keeps = 'if value > best or trainer_kwargs["metric"] == "loss":'
    replace_once(folder / "train.py", "if value > best:", keeps)
    assert "the weights of the last epoch" in " ".join(check_here(folder, "saving").wrong)


def code_of(file: Path) -> str:
    """Return the code of a file without its docstrings and comments."""
    tree = ast.parse(file.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body[0] = ast.Pass()
    return ast.unparse(tree)


def test_the_languages_have_the_same_files_and_the_same_code():
    names = {path.name for path in (TEMPLATES / "en").glob("*.txt")}
    assert names == {f"{file}.txt" for file in (*BODIES, "data.py", "task.md")}
    assert names == {path.name for path in (TEMPLATES / "zh").glob("*.txt")}
    for name in names - {"task.md.txt"}:
        assert code_of(TEMPLATES / "en" / name) == code_of(TEMPLATES / "zh" / name)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_task_sheet_lists_the_steps_with_their_files_and_points(language):
    text = (TEMPLATES / language / "task.md.txt").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \| (\w+) \| ([\w., ]+) \| .* \| (\d+) \|$", text, re.MULTILINE)
    assert [(int(number), name, int(points)) for number, name, _, points in rows] == [
        (step.number, step.name, step.points) for step in STEPS
    ]
    for step, (_, _, files, _) in zip(STEPS, rows, strict=True):
        assert {*files.split(", ")} <= {*step.names}
    assert sum(step.points for step in STEPS) == 100
