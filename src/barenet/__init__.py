"""Multi-layer perceptrons in plain NumPy: train, test, tune and inspect them.

    import barenet

    result = barenet.train(hidden_sizes=(128, 32), epochs=10)     # on Fashion-MNIST, which comes with barenet
    print(result.networks[0].validation_accuracy)
    predictor = barenet.load(result.folder)
    predictor.predict(images)                                     # uint8 or float, flat or square, one or many

The packages, in the order in which they build on each other; open `nn` first:

    errors         one tree of errors, each with its exit code
    old_words      keywords of earlier versions
    messages       values from outside, shown in a message of one line
    notes          what a person should know, as records of the logger `barenet`
    interrupts     signals that ask the command line to stop
    language/      texts in the language of the reader
    printing/      what is printed, escaped, and dropped where nobody reads it
    schema         values from files, checked against the names and types of a dataclass
    version        the version of barenet
    cores          how many cores this process may use
    user_cache     the folder for what can be made again
    reproducible   powers and cosines with the same bits on every processor
    reading/       files from outside: opened, unpacked and checked before they are used
    pickles/       the few pickle files that people have, read without running them
    data/          from bytes to batches
    nn/            the network, and nothing else
    gradcheck/     compares back-propagation with difference quotients
    config/        all settings of a run, and where they come from
    engine/        how training steps are computed
    training/      from a data set and settings to trained networks, in memory
    storage/       files that stay whole in a crash, and whose damage is noticed
    course_files/  the files of the course project
    run_folders/   a run on disk, and going on after an interruption
    tuning/        search for good settings, find a learning rate
    analysis/      numbers about a trained network and its test results
    plots/         pictures
    pages/         HTML pages: reports, the playground
    documents/     reports to hand in, as HTML, Markdown, LaTeX and PDF
    terminal/      what a terminal or a notebook shows
    deploy/        predictions, and files that work without barenet
    api/           `train`, `resume`, `search`, `find_learning_rate`, `ensemble`, `report`
    course         the course project's dictionaries
    sklearn/       the network as a scikit-learn classifier
    kit/           the assignment kit: make it, check a student's code, grade a class
    cli/           the command line

Importing barenet loads no other library: the command line must handle signals before NumPy has loaded. A public name
is imported when it is first used, and the libraries that it needs when it runs.

Symbols in shapes: N networks in a stack, B images in a batch, D inputs, H hidden units, C classes, P parameters of a
network, S running statistics. `...` stands for N or for nothing.
"""

from __future__ import annotations

from importlib import import_module

from barenet import errors
from barenet.version import __version__ as __version__

TYPE_CHECKING = False  # what type checkers look for; `typing` itself takes as long to import as all the rest
if TYPE_CHECKING:
    from typing import Any

    from barenet import nn
    from barenet.analysis.verification import verify
    from barenet.api.ensembles import ensemble
    from barenet.api.learning_rates import find_learning_rate
    from barenet.api.reporting import report
    from barenet.api.searching import search
    from barenet.api.training import check_custom, resume, train
    from barenet.data.datasets import Dataset, from_arrays
    from barenet.data.loading import load_dataset
    from barenet.deploy.export import export
    from barenet.deploy.predictor import Predictor, load
    from barenet.deploy.recognition import recognise
    from barenet.gradcheck.check import check_own_gradients
    from barenet.gradcheck.network import check_gradients
    from barenet.nn import MLP, Activation, Loss
    from barenet.pages.playground.playground import playground
    from barenet.plots.inspection import inspect
    from barenet.run_folders.finding import find_latest
    from barenet.run_folders.observer import Observer
    from barenet.tuning.study.observer import SearchObserver

__all__ = [
    "MLP",
    "Activation",
    "Dataset",
    "Loss",
    "Observer",
    "Predictor",
    "SearchObserver",
    "check_custom",
    "check_gradients",
    "check_own_gradients",
    "ensemble",
    "errors",
    "export",
    "find_latest",
    "find_learning_rate",
    "from_arrays",
    "inspect",
    "load",
    "load_dataset",
    "nn",
    "playground",
    "recognise",
    "report",
    "resume",
    "search",
    "train",
    "verify",
]

# The module of each name that is imported when it is first used. No module or package here may have the name of a
# public function: importing it would replace the function by the module.
_LAZY = {
    "MLP": "barenet.nn",
    "Activation": "barenet.nn",
    "Dataset": "barenet.data.datasets",
    "Loss": "barenet.nn",
    "Observer": "barenet.run_folders.observer",
    "Predictor": "barenet.deploy.predictor",
    "SearchObserver": "barenet.tuning.study.observer",
    "check_custom": "barenet.api.training",
    "check_gradients": "barenet.gradcheck.network",
    "check_own_gradients": "barenet.gradcheck.check",
    "ensemble": "barenet.api.ensembles",
    "export": "barenet.deploy.export",
    "find_latest": "barenet.run_folders.finding",
    "find_learning_rate": "barenet.api.learning_rates",
    "from_arrays": "barenet.data.datasets",
    "inspect": "barenet.plots.inspection",
    "load": "barenet.deploy.predictor",
    "load_dataset": "barenet.data.loading",
    "playground": "barenet.pages.playground.playground",
    "recognise": "barenet.deploy.recognition",
    "report": "barenet.api.reporting",
    "resume": "barenet.api.training",
    "search": "barenet.api.searching",
    "train": "barenet.api.training",
    "verify": "barenet.analysis.verification",
}

# Names of other libraries, and the function that does the same here. Some are names of packages in barenet too.
_OTHER_WORDS = {
    **dict.fromkeys(("test", "predict", "evaluate"), "load"),
    "fit": "train",
    **dict.fromkeys(("lr_find", "find_lr"), "find_learning_rate"),
    "gradient_check": "check_gradients",
    **dict.fromkeys(("average", "combine"), "ensemble"),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name == "nn":
        return import_module("barenet.nn")
    if name not in _LAZY:
        likely = _OTHER_WORDS.get(name) or errors.closest(name, __all__)
        hint = f"; did you mean barenet.{likely}?" if likely and not name.startswith("_") else ""
        raise AttributeError(f"module 'barenet' has no attribute {name!r}{hint}", name=name)
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    """List the public names, including those that are not loaded yet."""
    return sorted({*globals(), *__all__} - {"TYPE_CHECKING", "_LAZY", "annotations", "import_module"})
