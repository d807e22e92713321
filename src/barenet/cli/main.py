"""The command line: its commands, and what every one of them does about errors and signals.

Exit codes: 0 done, 1 our bug (or a gradient check that failed), 2 wrong input, 3 the machine, 4 training diverged,
130 and 143 interrupted after saving.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from cyclopts import App, CycloptsError, UnknownCommandError, UnknownOptionError, UnusedCliTokensError

from barenet.errors import BarenetError, ConfigError
from barenet.version import __version__

__all__ = ["app", "main"]

HELP = """Train, test and look inside multi-layer perceptrons in plain NumPy. Fashion-MNIST is carried along.

Begin with one of these:

    barenet train                        good settings, half a minute
    barenet train --epochs 5 --hidden 64 a smaller network
    barenet train --recipe course        the course project's settings
    barenet test                         test the latest run
    barenet train --help                 every setting

Add --debug to see where an error came from.
"""

# Texts and not docstrings of the commands, so that listing them loads none of them.
COMMANDS = {
    "train": """Train a network, or several in lockstep; test it, and keep everything in a run folder.

For example:

    barenet train
    barenet train --epochs 5 --hidden 128,32 --lr 0.001
    barenet train --recipe course --n-seeds 4
    barenet train my.toml --optimizer.name sgd --optimizer.momentum 0.9
    barenet train --resume runs/quick-1

Settings come from the recipe, then the settings file, then flags; --dry-run shows what they come to. Below, in
brackets, what the quick recipe has.
""",
    "test": """Test a trained network on the test images: accuracy, loss, precision and recall, confusion matrix.

For example:

    barenet test
    barenet test runs/quick-1
    barenet test runs/quick-1/epoch-12.safetensors --json
    barenet test model_epoch_100.pkl --data path/to/fashion-mnist
""",
    "inspect": """Look inside a network: write pictures of its weights before and after training, and of its neurons.

For example:

    barenet inspect
    barenet inspect runs/quick-1 --neuron 1:17
    barenet inspect runs/quick-1/epoch-12.safetensors --figures pictures
    barenet inspect model_epoch_100.pkl

The pictures go into figures/ of the run: histograms and heat maps of all weights, the first layer's neurons as images,
activations and dead neurons, and one neuron closely: what excites it, what it speaks for, what is lost without it.
""",
    "report": """Write one page about a run, or one that compares several; open it in any browser, send it to anybody.

For example:

    barenet report
    barenet report runs/quick-1
    barenet report runs/quick-1 runs/quick-2 runs/course-1
    barenet report runs/quick-3 --page seeds.html

The page holds all it needs and asks no other computer for anything.
""",
    "playground": """Write a page on which you draw an image and watch every neuron of a trained network answer.

For example:

    barenet playground
    barenet playground runs/quick-1 --open
    barenet playground model_epoch_100.pkl --file play.html

The page is one file under 1.5 MB and needs no network. Any architecture and activation of barenet's goes, but not a
Python function of your own. Of several seeds it shows the one that is best on validation.
""",
    "export": """Write a network to a file that works without barenet: ONNX, or one Python file that needs NumPy alone.

For example:

    barenet export --to onnx
    barenet export runs/quick-1 --to numpy
    barenet export runs/quick-1 --output classifier.onnx --force
    barenet export runs/quick-1/epoch-12.safetensors --to onnx --no-preprocessing --json

The file is run on the test images and compared with the model before it is put in place. ONNX needs two packages:
pip install "barenet[onnx]".
""",
    "predict": """Say what is on pictures of your own: class, probability and the next two.

For example:

    barenet predict runs/quick-1 shoe.png
    barenet predict runs/quick-1 photos/ --top 1 --csv
    barenet predict runs/quick-1 t10k-images-idx3-ubyte.gz --json
    barenet predict model_epoch_100.pkl - < shoe.png

Pictures are brought to look like the ones that the model was trained on: cropped, padded, resized, and inverted where
their border speaks for it. Notes say what was done, and each step can be switched off.
""",
    "search": """Search for good settings: train many networks in lockstep and in parallel, and compare them.

For example:

    barenet search
    barenet search --grid lr=0.05,0.01 --grid hidden_sizes=128-32,256-64 --epochs 5
    barenet search --range lr=0.0005:0.02:log --grid activation=relu,gelu --trials 40 --halving
    barenet search space.toml --repeats 5 --retrain
    barenet search --resume studies/course-1

Plain `barenet search` runs the course project's grid. --dry-run says how long a search would take. All trials share one
split and are compared by its validation images; the test images are not looked at before --retrain.
""",
    "gradcheck": """Compare back-propagation with difference quotients, on your own settings or in your own code.

For example:

    barenet gradcheck
    barenet gradcheck --hidden 64,32 --activation gelu --model.loss hinge
    barenet gradcheck my.toml --json
    barenet gradcheck mine.py:loss_and_gradients
    barenet gradcheck mine.py:loss_and_gradients --sizes 20,16,12,5 --one-hot

The network is made in float64 and looked at on a few training images, up to 200
coordinates of each parameter. The exit code is 1 when a gradient is wrong.

Your own code is a function of parameters (a dict or a list of arrays), x and
labels that returns a loss and gradients. Where they are wrong and the numbers
fit a classic mistake, you are told which.
""",
    "doctor": """Say what decides speed on this machine: NumPy, its BLAS and kernel, threads, and what to change.

For example:

    barenet doctor
    barenet doctor --seconds 2 --json
""",
}

OTHER_WORDS = {
    **dict.fromkeys(("fit", "run"), "train"),
    **dict.fromkeys(("evaluate", "eval"), "test"),
    **dict.fromkeys(("classify", "infer"), "predict"),
    **dict.fromkeys(("gridsearch", "tune"), "search"),
    **dict.fromkeys(("plot", "visualize", "visualise"), "inspect"),
    **dict.fromkeys(("convert", "onnx"), "export"),
    "check": "gradcheck",
}


class Terminated(KeyboardInterrupt):
    """SIGTERM came."""


def make_app() -> App:
    """Return the command-line application; commands load when they are called for."""
    # cyclopts would swallow Ctrl-C and box its errors
    app = App("barenet", help=HELP, version=__version__, suppress_keyboard_interrupt=False, help_format="plaintext")
    for name, text in COMMANDS.items():
        app.command(f"barenet.cli.commands.{name}:{name}", name=name, help=text)
    return app


app = make_app()


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    sys.exit(run([argument for argument in arguments if argument != "--debug"], debug))


def run(arguments: list[str], debug: bool) -> int:
    """Run one command and return its exit code; errors become one line on stderr."""
    signal.signal(signal.SIGTERM, terminate)
    if sys.stdout is None:  # closed, as by >&-
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (for the life of the process)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console that lacks a sign shows another, and nothing fails
    try:
        result = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    except KeyboardInterrupt as stop:
        say(str(stop) or "interrupted")
        return 143 if isinstance(stop, Terminated) else 130
    except BrokenPipeError:
        # The reader of our output is gone, as with `| head`; nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if debug:
            raise
        return explain(error, arguments)


def terminate(number: int, frame: object) -> NoReturn:
    """Turn SIGTERM into an exception, so that it ends a run as Ctrl-C does."""
    raise Terminated


def explain(error: Exception, arguments: list[str]) -> int:
    """Print one line about an error and return the exit code that goes with it."""
    if isinstance(error, CycloptsError):
        say(f"error: {explain_usage(error, arguments)}")
        return ConfigError.exit_code
    if isinstance(error, BarenetError):
        say(f"error: {error}")
        return error.exit_code
    if isinstance(error, OSError):
        what = f" {error.filename}" if error.filename else ": its output could not be written"
        say(f"error: {error.strerror or type(error).__name__}{what}; check the disk and the permissions")
        return 3
    if isinstance(error, MemoryError):
        say(f"error: not enough memory: {error or 'choose smaller model.hidden_sizes or data.batch_size'}")
        return 3
    say(
        f"error: this is a bug in barenet: {type(error).__name__}: {' '.join(str(error).split())} (--debug shows where)"
    )
    return 1


def explain_usage(error: CycloptsError, arguments: list[str]) -> str:
    """Return what is wrong with the command line, as one line."""
    if isinstance(error, UnknownCommandError) and arguments and arguments[0] in OTHER_WORDS:
        return f"there is no command {arguments[0]!r}; did you mean {OTHER_WORDS[arguments[0]]!r}?"
    if isinstance(error, UnknownOptionError):
        hint = setting_hint(error)
        if hint:
            return hint
    if isinstance(error, UnusedCliTokensError):
        stray = " ".join(error.unused_tokens or [])
        return f"stray words on the command line: {stray}; settings are flags, such as --epochs 5"
    return " ".join(str(error).split())


def setting_hint(error: UnknownOptionError) -> str | None:
    """Return a message about an unknown flag that is nearly a setting."""
    from barenet.config.sources import setting_path

    flag = error.token.keyword or error.token.value
    name = flag.lstrip("-")
    try:
        return f"unknown option {flag}; did you mean --{setting_path(name).replace('_', '-')}?"
    except ConfigError as unknown:
        hint = str(unknown).split(";", 1)[1].strip()
        return f"unknown option {flag}; {hint if hint.startswith('did') else 'see --help for all settings'}"


def say(line: str) -> None:
    """Print one line on stderr."""
    print(f"barenet: {line}", file=sys.stderr)
