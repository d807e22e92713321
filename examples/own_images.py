"""Train on a folder of images, write the model as an ONNX file, and recognise an image.

    python examples/own_images.py path/to/images photo.jpg
    python examples/own_images.py

The folder holds one folder for each class, or the folders `train`, `test` (and `val`), each with such folders.
Without arguments, 2,200 images of Fashion-MNIST are written into own-images/ as PNG files first, and one of them is
recognised at the end.
"""

import logging
import sys
from pathlib import Path

from PIL import Image

import barenet

SAMPLE = Path("own-images")


def write_sample() -> tuple[Path, Path]:
    """Write images of Fashion-MNIST into class folders; return the folder, and an image to recognise."""
    data = barenet.load_dataset()
    for part, images, labels, n in (
        ("train", data.train_images, data.train_labels, 2000),
        ("test", data.test_images, data.test_labels, 200),
    ):
        for i in range(n):
            folder = SAMPLE / part / data.class_names[labels[i]].replace("/", " or ")
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(images[i].reshape(28, 28)).save(folder / f"{i:04d}.png")
    return SAMPLE, SAMPLE / "test" / "Ankle boot" / "0000.png"


def export(run: Path) -> str:
    """Write the model as an ONNX file into the run folder, if the extra for it is installed; return a message."""
    try:
        result = barenet.export(run, to="onnx", output=run / "model.onnx", force=True)
    except barenet.errors.MachineError as error:
        return f"no ONNX file: {error}"
    return f"{result.path}: ready for any ONNX runtime"


def main() -> None:
    """Train, export, recognise."""
    arguments = [Path(argument) for argument in sys.argv[1:]]
    folder, *images = arguments or write_sample()
    result = barenet.train(data=str(folder))  # like `barenet train --data FOLDER`
    network = result.networks[0]
    print(f"{result.folder}: {network.validation_accuracy:.1%} of the validation images right")
    if network.scores is not None:
        print(f"{network.scores.accuracy:.1%} of the test images right")
    print(export(result.folder))
    predictor = barenet.load(result.folder)
    for found in barenet.recognise(predictor, images) if images else ():
        print(f"{found.source}: {found.class_name} ({found.probability:.0%})")


if __name__ == "__main__":
    logging.basicConfig(format="%(message)s")
    logging.getLogger("barenet").setLevel(logging.INFO)  # print its notes, on stderr
    try:
        main()
    except barenet.errors.BarenetError as error:
        sys.exit(f"error: {error}")
