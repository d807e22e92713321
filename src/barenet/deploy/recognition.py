"""Return class names and probabilities of pictures, or of anything that `inputs` reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from barenet.deploy.framing import Steps
from barenet.deploy.inputs import read_inputs
from barenet.deploy.predictor import Predictor

__all__ = ["Recognition", "recognise"]


@dataclass(frozen=True)
class Recognition:
    """The result for one input: its most probable classes, best first.

    labels: numbers of the classes. class_names and probabilities (fractions 0-1) belong to them.
    """

    source: str
    labels: list[int]
    class_names: list[str]
    probabilities: list[float]

    @property
    def class_name(self) -> str:
        """The most probable class."""
        return self.class_names[0]

    @property
    def probability(self) -> float:
        """Its probability."""
        return self.probabilities[0]

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for `--json`."""
        ranked = zip(self.labels, self.class_names, self.probabilities, strict=True)
        return {
            "source": self.source,
            "label": self.labels[0],
            "class": self.class_name,
            "probability": self.probability,
            "top": [{"label": label, "class": name, "probability": p} for label, name, p in ranked],
        }


def recognise(
    predictor: Predictor,
    sources: Sequence[str | Path],
    *,
    top: int = 3,
    steps: Steps | None = None,
    skip_broken: bool = False,
) -> list[Recognition]:
    """Return the `top` most probable classes of each picture, array row or table line in `sources`.

    Args:
        predictor: a trained model, as `load` returns it.
        sources: pictures, folders of them, .npy, IDX or .csv files; "-" is standard input.
        top: how many classes to return for each input, the most probable first.
        steps: how pictures are changed to look like the training images; by default their pixels decide.
        skip_broken: leave out pictures that cannot be read.

    Raises:
        DataError: a path does not exist, or a file cannot be read.
        CheckpointError: the model was trained on another kind of data than the sources hold.
    """
    inputs = read_inputs(sources, predictor, steps or Steps(), skip_broken=skip_broken)
    flat = inputs.values.reshape(-1, predictor.models[0].mlp.n_inputs)
    shares = predictor.run(flat)
    # Stable, so that equally probable classes keep their order, as in argmax.
    ranked = np.argsort(-shares, axis=-1, kind="stable")[:, :top]
    names = predictor.class_names
    return [
        Recognition(source, labels.tolist(), [names[label] for label in labels], share[labels].astype(float).tolist())
        for source, labels, share in zip(inputs.names, ranked, shares, strict=True)
    ]
