"""`inspect`: write all plots of a trained network as files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from barenet.analysis.activity import (
    LayerActivity,
    NeuronPortrait,
    measure_activity,
    most_useful_neuron,
    portray,
    read_neuron,
)
from barenet.analysis.images import Images, Source
from barenet.analysis.saved_run import SavedRun, is_seeds, read_saved_run
from barenet.errors import ConfigError, MachineError
from barenet.interrupts import check
from barenet.messages import count
from barenet.nn import Activation, Loss
from barenet.notes import logger
from barenet.plots.appearance import new_figure, png
from barenet.plots.learning_curves import has_ratios, learning_curves, show_ratios
from barenet.plots.neurons import draw_activity, draw_portrait, neuron_words
from barenet.plots.weights import draw_heat_maps, draw_histograms, draw_neurons
from barenet.printing.shown import Shown
from barenet.run_folders.finding import Named, find_run, is_ensemble
from barenet.run_folders.loading import best_on_validation, load_models
from barenet.storage.files import check_folder_name, check_no_link, replace_file
from barenet.training.setting_notes import training_label

__all__ = ["Inspection", "choose_network", "inspect", "look", "sentences"]

MAX_IMAGES = 5000  # validation images that are used; more change nothing


@dataclass(frozen=True, repr=False)
class Inspection(Shown):
    """The measurements of a network, and the files of its plots."""

    path: Path
    layers: list[LayerActivity]
    portrait: NeuronPortrait | None
    n_images: int
    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        found = "".join(f"\n  {sentence}" for sentence in sentences(self))
        return f"Inspection({self.path}: {count(len(self.files), 'picture')}{found})"

    def as_dict(self) -> dict[str, Any]:
        """Return the findings for `--json`."""
        layers = [
            {
                "layer": layer.layer,
                "activation": layer.activation,
                "units": layer.n_units,
                "dead": layer.dead,
                "saturated": layer.saturated,
                "share_zero": layer.share_zero,
            }
            for layer in self.layers
        ]
        portrait = self.portrait and {
            "layer": self.portrait.layer,
            "unit": self.portrait.unit,
            "accuracy": self.portrait.accuracy,
            "accuracy_lost_without": self.portrait.lost,
            "images_changed_without": self.portrait.n_changed,
            "dead": self.portrait.is_dead,
            "push": self.portrait.push.tolist(),
        }
        return {
            "model": str(self.path),
            "images": self.n_images,
            "layers": layers,
            "neuron": portrait,
            "files": [str(path) for path in self.files],
            "notes": self.notes,
        }


def inspect(
    path: Named = None,
    *,
    output: str | Path | None = None,
    neuron: str | None = None,
    dataset: Source | None = None,
    activations: Sequence[Activation] = (),
    loss: Loss | None = None,
) -> Inspection:
    """Write plots of a trained network and return what was measured.

    Args:
        path: a run folder or its name, the result of training, a `.safetensors` file, or the course project's `.pkl`;
            by default the latest run. For several seeds or an ensemble, the network that is best on validation.
        output: the folder for the plots; by default `figures/` in the run, or `NAME-figures` beside a model file.
        neuron: the neuron to show in detail, as "1:17", a layer and a number; by default one is chosen.
        dataset: its data set, or the path of it; by default the one that it was trained on.
        activations: the custom activations of the network.
        loss: its custom loss.

    Raises:
        RunError, CheckpointError, ConfigError, DataError: see `barenet.errors`.
        MachineError: the plots cannot be written.
    """
    if output:
        check_folder_name(Path(output), "the pictures")
    named = find_run(path)
    path = choose_network(named)
    saved = read_saved_run(path, dataset=dataset, activations=activations, loss=loss)
    for sentence in saved.notes:
        logger.info(sentence)
    found = look(saved, neuron)
    folder = Path(output) if output else default_folder(named if is_ensemble(named) else path)
    if not output:
        check_no_link(folder, ", or choose another --output")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MachineError(f"cannot make {folder}: {error.strerror}; choose another --output") from None
    for name, content in plots_of(saved, found):
        check()
        replace_file(folder / name, content)
        found.files.append(folder / name)
    return found


def choose_network(path: Path) -> Path:
    """Return the path of the network to inspect: the run's network, or the best of several on validation.

    For a seed this is its folder; for a member of an ensemble it is the file of its weights.
    """
    if not is_seeds(path):
        return path
    models = load_models(path)
    best = best_on_validation(models).path
    chosen = best if is_ensemble(path) else best.parent
    logger.info(f"{path} has {len(models)} networks: this is {chosen}, the best on validation; name another to see it")
    return chosen


def default_folder(path: Path) -> Path:
    """Return the default folder for the plots of a run or a model file."""
    return path / "figures" if path.is_dir() else path.with_name(f"{path.stem}-figures")


def look(saved: SavedRun, neuron: str | None = None) -> Inspection:
    """Return measurements of the network on the validation images; without hidden layers it has no neurons."""
    mlp = saved.model.mlp
    chosen = read_neuron(mlp, neuron) if neuron is not None else None
    seen = seen_images(saved)
    if seen is None or len(mlp.architecture.rows) < 2:
        if chosen is not None and seen is None:
            raise ConfigError("--neuron needs images to show it, and there are none; name them by --data")
        return Inspection(saved.path, [], None, 0, notes=saved.notes)
    layers = measure_activity(saved.model, seen.pixels)
    if chosen is None and not saved.has_best and saved.best_epoch == 0:
        return Inspection(saved.path, layers, None, len(seen.labels), notes=saved.notes)  # untrained: no useful neuron
    portrait = portray(saved.model, seen.pixels, seen.labels, *(chosen or most_useful_neuron(saved.model)))
    return Inspection(saved.path, layers, portrait, len(seen.labels), notes=saved.notes)


def seen_images(saved: SavedRun) -> Images | None:
    """Return the validation images that are used."""
    validation = saved.validation
    return None if validation is None else Images(validation.pixels[:MAX_IMAGES], validation.labels[:MAX_IMAGES])


def plots_of(saved: SavedRun, found: Inspection) -> Iterator[tuple[str, bytes]]:
    """Yield the file name and the bytes of every possible plot of a network."""
    initial, trained, redrawn = saved.initial, saved.model.mlp, saved.is_redrawn
    yield "weight-histograms.png", draw_histograms(initial, trained, redrawn, now=saved.weights_word)
    for layer in range(1, len(trained.architecture.rows) + 1):
        names, now = saved.class_names, saved.weights_word
        yield f"weights-{layer}.png", draw_heat_maps(initial, trained, layer, redrawn, names, now=now)
    shape = saved.picture_shape
    if shape is not None:
        yield "neurons.png", draw_neurons(trained, shape)
    if found.layers:
        yield "activations.png", draw_activity(found.layers)
    if has_ratios(saved.history):
        with new_figure(6, 3.6) as figure:
            show_ratios(figure.subplots(), saved.history)
            ratios = png(figure)
        yield "update-ratios.png", ratios
    if saved.history:
        label = training_label(saved.config)
        yield "learning-curves.png", learning_curves(saved.history, saved.best_epoch, label)
    portrait, validation = found.portrait, saved.validation
    if portrait is not None and validation is not None:
        scale, names = saved.model.info.scale, saved.class_names
        drawn = draw_portrait(portrait, shape, validation.pixels, scale, names)
        yield f"neuron-{portrait.layer}-{portrait.unit}.png", drawn


def sentences(found: Inspection) -> list[str]:
    """Return the measurements in sentences."""
    lines = []
    for layer in found.layers:
        text = f"layer {layer.layer}, {layer.activation}: {len(layer.dead)} of {layer.n_units} neurons are dead"
        text += f" (flat for all {count(found.n_images, 'validation image')})"
        if layer.saturated is not None:
            text += f", {len(layer.saturated)} saturated (flat for 95 % of them or more)"
        lines.append(text)
    if found.portrait is not None:
        lines.append(neuron_words(found.portrait))
    return lines
