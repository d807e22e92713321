"""Texts that barenet shows and does not write, and single words that stand in its texts."""

from __future__ import annotations

__all__ = ["HEADINGS", "NUMBERED", "TEXTS", "VALUES"]

# Texts of libraries and of the system, by where they come from.
TEXTS = {
    "cyclopts": (
        'Unknown command "{0}". Available commands: {1}',
        'Unknown command "{0}". Did you mean "{1}"? Available commands: {2}',
        'Unknown command "{0}". Did you mean "{1}", or "{2}"? Available commands: {3}',
        'Command "{0}" parameter {1} requires an argument.',
        "Parameter {0} requires an argument.",
        "Parameter {0} specified multiple times.",
        'Invalid value "{0}" for {1}. Choose from: {2}.',
        'Invalid value for {0}: unable to convert "{1}" into {2}.',
        'Unable to convert "{0}" into {1}.',
    ),
    "pydantic": (
        "greater than {0}",
        "greater than or equal to {0}",
        "less than {0}",
        "less than or equal to {0}",
        "a finite number",
        "{0} or {1}",
    ),
    "machine.json": ("processor {0}", "cores {0}", "system {0}", "parts of a step rule {0}", "engine {0}"),
    "pages": (
        "of {0}, the network learned nothing",
        "of {0}, {1} of {2} networks learned nothing",
        *("accuracy, %", "Accuracy, %", "Validation accuracy, %"),
        *("training, {0}", "0.001, common", "epoch; {0}", "value of a bias", "number of weights"),
        *("number of biases", "{0} × {1} weights", "{0} × {1} image", "{0} biases, all {1} before"),
        *("bias {0}", "{0} weights", "{0} biases"),
        *("epoch (▼ below the axis)", "epoch (▲ above the axis)"),
        *(f"{part} image {{0}}{more}" for part in ("test", "validation") for more in ("", ", labelled {1}")),
    ),
    "short texts": ("on {0} of {1}", "{0} of recipe {1}", "Weight × input", "engine: {0}", "NumPy: {0}", "✓ true"),
    "notes": ("warm-up of 1 epoch",),
    "steps of the kit": ("step 2 (loss)",),  # the step keeps its name, though `loss` is a word in other texts
    "documents": ("95 % interval", "L2 regularisation"),
    "layers": ("batch norm", "layer norm", "Batch norm", "Layer norm"),
    "the system": (
        "No such file or directory",
        "Permission denied",
        "No space left on device",
        "Is a directory",
        "Not a directory",
        "File exists",
        "File name too long",
        "Read-only file system",
        "Input/output error",
        "Disk quota exceeded",
        "Too many open files",
        "Connection refused",
        "Operation not permitted",
        "Device or resource busy",
    ),
}

# Labels of plots.
HEADINGS = ("Accuracy", "Loss", "accuracy", "input", "loss", "neuron", "trial", "training", "validation")
HEADINGS += ("Strategy", "diverged", "failed", "stopped", "unfinished")
HEADINGS += ("cores", "engine", "epochs", "machine", "no", "processor", "seconds", "steps", "system", "time", "yes")
HEADINGS += ("best so far", "finished", "noise", "right", "trials", "winner", "wrong")
HEADINGS += ("halving", "images", "points", "repeats", "score", "test")  # how a search was done

# What follows a number and has no plural.
NUMBERED = ("{0} s", "test {0}", "validation {0}", "{0} training", "{0} labelled", "{0} validation", "{0} test")
NUMBERED += ("{0} to {1}", "of {0}", "{0} stopped early", "{0} validations without a better one")
NUMBERED += tuple(f"{{0}} {part} images of {{1}}" for part in ("labelled", "training", "validation", "test"))
NUMBERED += tuple(f"{{0}} training and {{1}} {part} images of {{2}}" for part in ("validation", "test"))
NUMBERED += ("{0} training, {1} validation and {2} test images of {3}",)

# Words that stand alone in a text and are never names, such as those of columns, settings and commands.
VALUES = (
    *("WRONG", "above", "accuracy", "below", "beyond", "both", "diverged", "failed", "falls", "features", "finished"),
    *("images", "integer", "labelled", "loss", "much", "neurons", "nothing", "pixels", "rises", "rows", "searched"),
    *("largest", "smallest", "stopped", "trained", "unfinished", "unknown", "within"),
)
