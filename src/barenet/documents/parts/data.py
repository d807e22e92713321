"""The data of a network, and its layers."""

from __future__ import annotations

import numpy as np

from barenet.documents.blocks import Block, Figure, Heading, Paragraph, Table
from barenet.documents.figures import examples_figure
from barenet.documents.inputs.work import DataFacts, Work
from barenet.documents.words import Name, Words
from barenet.messages import count

__all__ = ["data_blocks", "layers_text", "network_blocks"]

FEW_CLASSES = 30  # are listed
HEADINGS = {
    "parts": ("Part", "Samples"),
    "layers": ("Layer", "Inputs", "Outputs", "Activation", "Weights", "Biases", "Parameters"),
    "sum": "Total",
}


def data_blocks(facts: DataFacts, picture_shape: tuple[int, ...] | None, words: Words) -> list[Block]:
    """Return what the data are: their size, parts and classes, and some images of each class."""
    n_classes, n = len(facts.class_names), int(np.prod(facts.shape))
    sentences = [f"The data set is `{facts.name}`."] if facts.name else []
    if picture_shape is not None:
        sentences.append(f"Each image has {picture_shape[0]} × {picture_shape[1]} pixels.")
        sentences += ["The images are in colour."] if len(picture_shape) == 3 else []
    else:
        sentences.append(f"Each sample has {count(n, 'feature')}.")
    if n_classes <= FEW_CLASSES:
        sentences.append(f"There are {n_classes} classes: {', '.join(facts.class_names)}.")
    else:
        sentences.append(f"There are {n_classes} classes.")
    blocks: list[Block] = [Heading("Data"), Paragraph(tuple(sentences))]
    if facts.counts:
        rows = [(part, f"{count:,}") for part, count in facts.counts.items()]
        blocks.append(Table(("Number of samples in each part of the data.",), HEADINGS["parts"], rows))
        if "Validation set" in facts.counts:
            roles = (
                "The weights are computed from the training set.",
                "The validation set is used to choose the best epoch and the settings.",
                "The test set is used once, at the end.",
            )
            blocks.append(Paragraph(roles if "Test set" in facts.counts else roles[:2]))
    if facts.examples is not None and picture_shape is not None:
        drawing = examples_figure(facts.examples, picture_shape, facts.class_names, words)
        blocks.append(Figure("examples", drawing, ("Images of the training set, a row for each class.",), 0.85))
    return blocks


def network_blocks(work: Work) -> list[Block]:
    """Return the layers of a network as a table, and what they compute."""
    mlp = work.mlp
    assert mlp is not None
    specs = mlp.architecture.rows
    rows: list[tuple[str, ...]] = [
        (
            f"{i}",
            f"{spec.input_dim:,}",
            f"{spec.output_dim:,}",
            spec.functions,
            f"{spec.input_dim * spec.output_dim:,}",
            f"{spec.output_dim:,}",
            f"{spec.n_parameters:,}",
        )
        for i, spec in enumerate(specs, start=1)
    ]
    total = mlp.parameters.size
    if sum(spec.n_parameters for spec in specs) == total:
        weights = sum(spec.input_dim * spec.output_dim for spec in specs)
        rows.append((str(HEADINGS["sum"]), "", "", "", f"{weights:,}", f"{total - weights:,}", f"{total:,}"))
    sentences = [
        f"The network is a multi-layer perceptron with {total:,} parameters.",
        "A layer with input x, weights W and biases b computes z = xW + b; its activation function is applied to z.",
    ]
    if work.scale != 1.0 and work.picture_shape is not None and abs(work.scale * 255 - 1) < 1e-6:
        sentences.append("The pixels, from 0 to 255, are divided by 255 before they enter the network.")
    if work.config is None or work.config.model.loss == "cross_entropy":
        sentences.append(
            "Softmax turns the outputs of the last layer into probabilities, and the loss is their cross-entropy with "
            "the labels."
        )
    table = Table(
        ("The layers of the network and their parameters.",), HEADINGS["layers"], rows, "lrrl", len(rows) > len(specs)
    )
    return [Heading("Network"), Paragraph(tuple(sentences)), table]


def layers_text(work: Work) -> str:
    """Return the sizes of a network's layers in one word, such as 784-64-32-10."""
    if work.mlp is None:
        return "–"
    return Name("-".join(str(n) for n in (work.mlp.n_inputs, *(row.output_dim for row in work.mlp.architecture.rows))))
