"""A small model of Fashion-MNIST, and 200 of its test images as files, for the tests of this folder."""

from __future__ import annotations

import functools
import io
from dataclasses import replace

import numpy as np
from PIL import Image

import barenet
from barenet.deploy.predictor import Predictor
from barenet.run_folders.checkpoint import SavedModel
from barenet.training.inputs.preprocessing import measure_border

N_IMAGES = 200


@functools.cache
def fashion_model() -> SavedModel:
    """Return a model trained on 5,000 images; it remembers the brightness of their borders."""
    carried = barenet.load_dataset()
    x, y = carried.train_images[:5000].reshape(-1, 28, 28), carried.train_labels[:5000]
    settings = {"hidden_sizes": 32, "epochs": 3, "output": None, "verbose": False}
    model = barenet.train(x, y, **settings).model
    info = replace(
        model.info,
        class_names=list(carried.class_names),
        preprocessing=measure_border(x[:500].reshape(500, -1), (28, 28)),
    )
    return SavedModel(model.mlp, info, model.loss, model.path)


@functools.cache
def fashion_predictor() -> Predictor:
    return Predictor([fashion_model()])


@functools.cache
def first_test_images() -> np.ndarray:
    """(200, 28, 28) uint8."""
    return barenet.load_dataset().test_images[:N_IMAGES].reshape(-1, 28, 28)


def encode(pixels: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()
