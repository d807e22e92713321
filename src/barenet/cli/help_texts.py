"""The help of barenet and of each command, examples first; options are described in the modules of their commands."""

from __future__ import annotations

__all__ = ["COMMANDS", "HELP", "unwrap"]

HELP = """Train, test and look inside multi-layer perceptrons in plain NumPy. Fashion-MNIST is included.

Start with one of these:

    barenet train                         good settings, half a minute
    barenet train --epochs 5 --hidden 64  a smaller network
    barenet train --recipe course         the course project's settings
    barenet test                          test the latest run
    barenet train --help                  every setting

Add --debug to see where an error came from.
"""

# They are not in the docstrings of the commands, so that the list of commands is shown without loading them.
COMMANDS = {
    "train": """Train a network, or several together; test it, and save everything in a run folder.

For example:

    barenet train
    barenet train --epochs 5 --hidden 128,32 --lr 0.001
    barenet train --recipe course --n-seeds 4
    barenet train my.toml --optimizer sgd --momentum 0.9
    barenet train --recipe course --lr 0.1 --decay-rate 0.9 --decay-step 2000
    barenet train --resume runs/quick-1

Settings come from the recipe; a settings file overrides them, and flags override both. --dry-run shows the resulting
settings. Values in brackets below are those of the recipe quick.
""",
    "test": """Test a trained network on the test images: accuracy, loss, precision and recall, confusion matrix.

For example:

    barenet test
    barenet test runs/quick-1
    barenet test runs/quick-1 --mirror
    barenet test runs/quick-1/epoch-12.safetensors --json
    barenet test model_epoch_100.pkl --data path/to/fashion-mnist
""",
    "inspect": """Look inside a network: write pictures of its weights before and after training, and of its neurons.

For example:

    barenet inspect
    barenet inspect runs/quick-1 --neuron 1:17
    barenet inspect runs/quick-1/epoch-12.safetensors --output pictures
    barenet inspect model_epoch_100.pkl

The pictures go into figures/ of the run: histograms and heat maps of all weights, the first layer's neurons as images,
activations and dead neurons. One neuron is shown in detail: the images with its largest activations, the classes that
it supports, and the accuracy without it.
""",
    "report": """Write one page about a run or a search, or one that compares several runs; or a report to hand in.

For example:

    barenet report
    barenet report runs/quick-1
    barenet report studies/course-search-1
    barenet report runs/quick-1 runs/quick-2 runs/course-1
    barenet report runs/quick-3 --output seeds.html
    barenet report runs/quick-1 studies/course-search-1 --to html
    barenet report model_epoch_100.pkl --to latex --language zh

The page is one file, opens in any browser, and needs no internet connection. --to html, pdf, md or latex writes a
document in place of the page: data, network, settings, curves, test results, search and weights, with numbered tables
and figures, in English or Chinese.
""",
    "playground": """Write a page on which you draw an image and see how every neuron of a trained network responds.

For example:

    barenet playground
    barenet playground runs/quick-1 --open
    barenet playground model_epoch_100.pkl --output play.html

The page is one file under 1.5 MB and needs no internet connection. It can show every architecture and activation of
barenet, but no custom Python function. Of several seeds it shows the one that is best on validation.
""",
    "export": """Write a network to a file that works without barenet: ONNX, or one Python file that needs only NumPy.

For example:

    barenet export --to onnx
    barenet export runs/quick-1 --to numpy
    barenet export runs/quick-1 --output classifier.onnx --force
    barenet export runs/quick-1/epoch-12.safetensors --to onnx --no-preprocessing --json

Before the file is saved, it is run on the test images and compared with the model. ONNX needs two packages:
pip install "barenet[onnx]".
""",
    "predict": """Classify your pictures: print the class, its probability and the next two classes.

For example:

    barenet predict shoe.png
    barenet predict runs/quick-1 shoe.png
    barenet predict runs/quick-1 photos/ --top 1 --csv
    barenet predict runs/quick-1 t10k-images-idx3-ubyte.gz --json
    barenet predict model_epoch_100.pkl - < shoe.png

Without a model, the latest run predicts. Pictures are made similar to the images that the model was trained on: they
are cropped, padded, resized, and inverted if their border shows that this is needed. Notes say what was done, and each
step can be switched off.
""",
    "lr-find": """Find a learning rate: train for some steps at rising rates, and see where the loss falls and rises.

For example:

    barenet lr-find
    barenet lr-find --recipe course
    barenet lr-find my.toml --hidden 512,256 --n-seeds 4
    barenet lr-find --optimizer sgd --from 0.0001 --to 10 --steps 500

It takes the settings of `barenet train`, except the learning rate and its schedule, and prints the command that trains
with the suggested rate. It draws the loss over the rates in lr-find.png and writes each step into lr-find.csv. The
rates rise by the same factor from step to step until the loss blows up (Smith 2017). Values in brackets below are the
defaults.
""",
    "ensemble": """Make one model of several trained networks: its probabilities are the mean of theirs.

For example:

    barenet ensemble runs/quick-1 runs/quick-3
    barenet ensemble runs/quick-2 --name four-seeds
    barenet ensemble quick-1 quick-3 course-search-1 --json

The networks may differ in layers, activations, normalisation and dropout. They must take the same inputs, prepared in
the same way, and give the same classes. Of a run with several seeds, all networks are used. The ensemble is a folder
with copies: test, predict, report, export, playground and inspect take it, even after the runs are deleted.
""",
    "search": """Search for good settings: train many networks, several in each process, and compare them.

For example:

    barenet search
    barenet search --grid lr=0.05,0.01 --grid hidden_sizes=128-32,256-64 --epochs 5
    barenet search --range lr=0.005:0.2:log --grid activation=relu,gelu --trials 40 --halving
    barenet search --grid lr=0.001,0.003 --recipe quick
    barenet search space.toml --repeats 5 --retrain
    barenet search points.toml --repeats 3 --repeat-best 10
    barenet search --resume studies/course-search-1

Trials start from the recipe course, for 10 epochs; with --recipe quick they start from the settings of `barenet train`.
Without a space, the course project's grid is searched. A file with tables [[points]] lists trials one by one. --dry-run
estimates how long a search would take. All trials have the same training and validation images, and are compared on the
validation images; only --retrain uses the test images. Values in brackets below are the defaults.
""",
    "gradcheck": """Compare back-propagation with difference quotients, for any settings or in your code.

For example:

    barenet gradcheck
    barenet gradcheck --hidden 64,32 --activation gelu --loss hinge
    barenet gradcheck my.toml --json
    barenet gradcheck mine.py:loss_and_gradients
    barenet gradcheck mine.py:loss_and_gradients --sizes 20,16,12,5
    barenet gradcheck lesson.ipynb:Net

The network is made in float64 and checked on a few training images, at up to 200
coordinates of each parameter. The exit code is 1 when a gradient is wrong.

Your code is a function of parameters (a dict or a list of arrays), x and
labels that returns a loss and gradients, or a class or an object with methods
such as forward, loss and backward. If gradients are wrong and the numbers fit a
well-known mistake, the mistake is named.
""",
    "course": """An assignment: make a kit in which a student writes a network, check its steps, grade a class.

For example:

    barenet course new homework
    barenet course new homework --language zh
    barenet course check homework
    barenet course check homework --step backward
    barenet course grade class/ann class/bob --points points.toml --output results

The student's code needs NumPy only. Each step is checked in a separate process with limits on time and memory. This is
no sandbox against hostile code. The exit code of check is 1 if a step is wrong or not written yet.
""",
    "verify": """Compare a run's files with their checksums, and its last steps with the same steps trained here.

For example:

    barenet verify
    barenet verify runs/quick-1
    barenet verify runs/quick-1 --whole --json

Training is exact: from the checkpoint before the last one, training gives the last one again, bit for bit, with any
number of threads, if NumPy and its BLAS compute the same here. --whole trains from the first step. The exit code is 1
if a file is damaged or a step gives another result.
""",
    "doctor": """Show what decides speed on this machine: NumPy, its BLAS and kernel, threads, and what to change.

It measures a step of the recipes quick and course with each number of threads
that training would try, and shows how many would be used, and why. It also
measures a step on compiled kernels, or shows why they cannot be used.

For example:

    barenet doctor
    barenet doctor --seconds 2 --json
""",
}


def unwrap(text: str) -> str:
    r"""Return a text with each paragraph in one line, which the terminal wraps at its width.

    Paragraphs are at the margin, or indented by eight spaces as the descriptions in a docstring; examples, indented by
    four, keep their lines.

    >>> unwrap("One\nparagraph.\n\n    an example\n    another")
    'One paragraph.\n\n    an example\n    another'
    """
    lines: list[str] = []
    for line in text.split("\n"):
        before = lines[-1] if lines else ""
        depth = indentation(line)
        if line.strip() and before.strip() and depth == indentation(before) and depth in (0, 8):
            lines[-1] = f"{before} {line.strip()}"
        else:
            lines.append(line)
    return "\n".join(lines)


def indentation(line: str) -> int:
    """Return the number of spaces before a line."""
    return len(line) - len(line.lstrip(" "))
