"""Test a trained network on the 10,000 test images: the latest run in runs/, or the model that you name.

    python examples/course/test.py
    python examples/course/test.py runs/course-1
    python examples/course/test.py model_epoch_100.pkl

A .pkl of the course project needs its .json in the same folder. Code in a .pkl is not run.
"""

import logging
import sys

import numpy as np

import barenet

dataloader_kwargs = {"path_dir": "data/fashion-mnist"}  # if the folder is missing: the images that come with barenet


def main(model: str | None = None) -> None:
    """Print the accuracy of the network at `model` on the test images, in all and for each class."""
    path = model or barenet.find_latest()
    predictor = barenet.load(path)
    dataset = barenet.load_dataset(dataloader_kwargs["path_dir"])
    is_right = predictor.predict(dataset.test_images) == dataset.test_labels
    print(f"{path}: test accuracy {np.mean(is_right):.4f}")
    for label, name in enumerate(dataset.class_names):
        print(f"    {name:<12} {np.mean(is_right[dataset.test_labels == label]):.4f}")


if __name__ == "__main__":
    logging.basicConfig(format="%(message)s")
    logging.getLogger("barenet").setLevel(logging.INFO)  # print its notes, on stderr
    try:
        main(*sys.argv[1:2])
    except barenet.errors.BarenetError as error:
        sys.exit(f"error: {error}")
