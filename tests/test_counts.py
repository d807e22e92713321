"""Texts say "1 trial" and "2 trials": a number and its noun come from one function."""

from __future__ import annotations

import re
from pathlib import Path

import barenet
from barenet.messages import count

SOURCE = Path(barenet.__file__).parent
NOUNS = (
    *("arrays", "classes", "columns", "cores", "epochs", "features", "files", "images", "labels", "layers", "names"),
    *("networks", "neurons", "numbers", "pairs", "parameters", "pictures", "pixels", "points", "processes", "repeats"),
    *("rows", "runs", "samples", "seeds", "settings", "steps", "tables", "threads", "trials", "units", "values"),
    "workers",
)
PLURAL = rf" (?:[a-z-]+ ){{0,2}}?(?:{'|'.join(NOUNS)})\b"
NUMBER = re.compile(
    r"\blen\(|\bn\b|n_|dim\b|size\b|epochs\b|trials\b|points\b|seeds\b|best\b|cores\b|threads\b|shown\b|MOST"
)
# By module, numbers that are never 1 where a text says them.
NEVER_ONE = {
    "data/pictures/classes.py": {"'s' if len(parts) == 1 else ''"},  # the ending of a verb
    "data/pictures/label_tables.py": {"len(ones)"},  # of the labels, none or several
    "data/pictures/labelled.py": {"len(inside)"},  # pictures of one name, none or several
    "data/tables/labels.py": {"n", "len(cells)"},  # more than a message lists
    "deploy/tables/rows.py": {"n"},  # the next two are written into files that work without barenet
    "deploy/tables/text.py": {"len(line)"},
    "documents/parts/data.py": {"n_classes"},  # of a classifier
    "documents/parts/weights.py": {"n_layers"},  # more than are shown
    "engine/diagnosis.py": {"best", "cores"},  # of more than one thread
    "engine/making.py": {"n", "most_threads"},
    "gradcheck/functions/arguments.py": {"len(form.separate)"},  # too many for the networks that are tried
    "gradcheck/functions/failures.py": {"n_images"},  # of the check
    "kit/checks/network.py": {"len(nn_architecture)"},  # of the check
    "nn/architecture.py": {"self.rows[i - 1].output_dim"},  # nn imports nothing but errors
    "nn/mlp.py": {"len(seeds)", "self.n_networks or 1"},
    "pages/playground/images.py": {"model.mlp.n_classes"},  # of a classifier
    "pages/playground/page.py": {"n_weights"},  # too many for a page
    "pages/reports/comparison.py": {"len(runs)"},
    "pages/reports/inside.py": {"size"},  # parameters of a layer: weights and a bias
    "pickles/reader.py": {"len(items)", "len(self.stack)"},  # of a damaged file
    "plots/inspection.py": {"len(models)"},  # of several seeds
    "storage/arrays.py": {"len(arrays)"},
    "terminal/console.py": {"config.trainer.n_seeds"},
    "terminal/diagnosis.py": {"config.data.batch_size"},
    "terminal/learning.py": {"len(networks)"},  # of several seeds
    "terminal/results.py": {"n_networks"},
    "training/learning/reasons.py": {"n"},  # of a validation set
    "training/lengths.py": {"n_train"},
    "training/preparation.py": {"n_valid"},
    "tuning/space/search_space.py": {"shown"},  # points of a grid that is too large
    "tuning/space/space_file.py": {"MOST_VALUES"},
    "tuning/study/results.py": {"n_valid"},
    "tuning/study/search.py": {"2 * plan.trials"},
}


def numbers_before_plurals() -> dict[str, set[str]]:
    """Return the numbers that f-strings put before a plural, by module, without those of shares ("1 of {n} images")."""
    found: dict[str, set[str]] = {}
    for path in SOURCE.rglob("*.py"):
        source = re.sub(r'"\s*\n\s*f?"', "", path.read_text("utf-8"))  # texts that go on in the next line
        for is_share, number in re.findall(rf"(\bof (?:the )?)?\{{([^{{}}:\n]+)(?::,)?\}}{PLURAL}", source):
            if not is_share and NUMBER.search(number) and not number.startswith("count("):
                found.setdefault(path.relative_to(SOURCE).as_posix(), set()).add(number)
    return found


def test_one_thing_is_in_the_singular():
    assert [count(n, "trial") for n in (0, 1, 2, 1500)] == ["0 trials", "1 trial", "2 trials", "1,500 trials"]
    assert [count(n, "class", "classes") for n in (1, 2)] == ["1 class", "2 classes"]


def test_a_number_before_a_plural_comes_from_count_or_is_never_one():
    found = numbers_before_plurals()
    assert found == NEVER_ONE
