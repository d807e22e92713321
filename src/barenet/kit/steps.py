"""The steps of the assignment, in their order: names, files, what each one needs, and the usual points."""

from __future__ import annotations

from dataclasses import dataclass

from barenet.errors import ConfigError, nearest

__all__ = ["STEPS", "Step", "find_step", "names_of"]


@dataclass(frozen=True)
class Step:
    """A step: `names` are what the student writes, by file; `needs` are steps without which it cannot be checked.

    `with_stand_ins`: where a step that it needs is wrong, it is checked with right code in the place of that step.
    """

    number: int
    name: str
    names: dict[str, tuple[str, ...]]
    points: float
    needs: tuple[str, ...] = ()
    with_stand_ins: bool = False

    @property
    def title(self) -> str:
        """How messages call the step.

        >>> find_step("backward").title
        'step 3 (backward)'
        """
        return f"step {self.number} ({self.name})"


STEPS = (
    Step(1, "forward", {"model.py": ("NeuralNetwork",)}, 10),
    Step(2, "loss", {"model.py": ("cross_entropy",)}, 5),
    Step(3, "backward", {"model.py": ("NeuralNetwork",)}, 20, ("forward",)),
    Step(4, "sgd", {"train.py": ("SGD", "train_epoch")}, 10),
    Step(5, "decay", {"train.py": ("SGD",)}, 5),
    Step(6, "l2", {"train.py": ("SGD",)}, 5),
    Step(
        7,
        "saving",
        {"model.py": ("save_weights", "load_weights", "NeuralNetwork"), "train.py": ("evaluate", "train")},
        15,
        ("forward", "loss", "backward", "sgd"),
        with_stand_ins=True,
    ),
    Step(8, "testing", {"test.py": ("test",), "model.py": ("NeuralNetwork",)}, 10, ("forward",), with_stand_ins=True),
    Step(9, "search", {"gridsearch.py": ("gridsearch",)}, 10),
    Step(10, "pictures", {"param_vis.py": ("neuron_images", "param_vis")}, 10),
)


def find_step(text: str) -> Step:
    """Return the step of a name or a number; raise ConfigError for any other text."""
    for step in STEPS:
        if text.strip().lower() in (step.name, str(step.number)):
            return step
    raise ConfigError(f"there is no step {text!r}; {nearest(text, [step.name for step in STEPS])}")


def names_of(step: Step) -> str:
    """Return what the student writes in a step, for a message."""
    return ", ".join(name for names in step.names.values() for name in names)
