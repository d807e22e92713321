"""Whether the network of a run learned anything: read from its run's files, or measured again."""

from __future__ import annotations

from barenet.analysis.images import pixels_of
from barenet.analysis.saved_run import SavedRun
from barenet.data.splits import stratified_split
from barenet.run_folders.results import read_verdict
from barenet.training.evaluation import plain
from barenet.training.learning.verdict import TrainedNetwork, Verdict, judge, thin

__all__ = ["verdict_of"]


def verdict_of(saved: SavedRun) -> Verdict | None:
    """Return whether a network learned anything, or None where no validation is finished or its images are missing.

    Runs of earlier versions, and stopped runs, have no file with the verdict: they are measured now.
    """
    config, validation, data = saved.config, saved.validation, saved.data
    if saved.path.is_dir() and (written := read_verdict(saved.path, saved.history)) is not None:
        return written
    if config is None or validation is None or data is None or not saved.history or not saved.model.info.metrics:
        return None
    labels, images = data.train_labels, data.train_images
    if data.valid_images is None:
        rows, _ = stratified_split(labels, config.data.n_valid, config.data.split_seed)
        labels, images = labels[thin(rows)], images[thin(rows)]
    model = saved.model
    return judge(
        TrainedNetwork(
            mlp=model.mlp,
            initial=saved.initial,
            loss=plain(model.loss),
            scale=model.info.scale,
            valid_images=validation.pixels,
            valid_labels=validation.labels,
            train_images=pixels_of(model, thin(images)),
            train_labels=thin(labels),
            class_names=saved.class_names,
            history=saved.history,
            config=config,
        )
    )
