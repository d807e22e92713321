"""Whether the network of a run learned anything: what its run wrote, or the same measured again."""

from __future__ import annotations

from barenet.analysis.evidence import Evidence
from barenet.analysis.images import pixels_of
from barenet.data.splits import stratified_split
from barenet.run_folders.results import read_verdict
from barenet.training.evaluation import plain
from barenet.training.learning.verdict import Subject, Verdict, judge, thin

__all__ = ["verdict_of"]


def verdict_of(evidence: Evidence) -> Verdict | None:
    """Return whether a network learned anything; None where no validation is finished, or its images are not at hand.

    Runs of earlier versions, and those that were stopped, have nothing written: they are measured now.
    """
    config, validation, data = evidence.config, evidence.validation, evidence.data
    if evidence.path.is_dir() and (written := read_verdict(evidence.path, evidence.history)) is not None:
        return written
    if config is None or validation is None or data is None or not evidence.history or not evidence.model.info.metrics:
        return None
    labels, images = data.train_labels, data.train_images
    if data.valid_images is None:
        rows, _ = stratified_split(labels, config.data.n_valid, config.data.split_seed)
        labels, images = labels[thin(rows)], images[thin(rows)]
    model = evidence.model
    return judge(
        Subject(
            mlp=model.mlp,
            initial=evidence.initial,
            loss=plain(model.loss),
            scale=model.info.scale,
            valid_images=validation.pixels,
            valid_labels=validation.labels,
            train_images=pixels_of(model, thin(images)),
            train_labels=thin(labels),
            class_names=evidence.class_names,
            history=evidence.history,
            config=config,
        )
    )
