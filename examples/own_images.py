"""From a folder of pictures to a trained model, an ONNX file and an answer.

    python examples/own_images.py path/to/pictures photo.jpg
    python examples/own_images.py

The folder holds a folder a class, or `train` and `test` (and `val`) above such folders. Without one, 2,000 images of
Fashion-MNIST are written out as PNG files first, into own-images/, and one of them is recognised in the end.
"""

import sys
from pathlib import Path

from PIL import Image

import barenet

SAMPLE = Path("own-images")


def write_sample() -> tuple[Path, Path]:
    """Write images of Fashion-MNIST as pictures in class folders; return the folder, and a picture to recognise."""
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
    """Write the run's model as an ONNX file beside it, where the extra for it is installed; say what came of it."""
    try:
        result = barenet.export(run, to="onnx", output=run / "model.onnx", force=True)
    except barenet.errors.MachineError as error:
        return f"no ONNX file: {error}"
    return f"{result.path}: ready for any ONNX runtime"


def main() -> None:
    """Train, export, recognise."""
    arguments = [Path(argument) for argument in sys.argv[1:]]
    folder, *pictures = arguments or write_sample()
    result = barenet.train(data=str(folder))  # as `barenet train --data FOLDER`
    network = result.networks[0]
    print(f"{result.folder}: {network.validation_accuracy:.1%} of the validation pictures right")
    if network.scores is not None:
        print(f"{network.scores.accuracy:.1%} of the test pictures")
    print(export(result.folder))
    predictor = barenet.load(result.folder)
    for found in barenet.recognise(predictor, pictures, note=print) if pictures else ():
        print(f"{found.source}: {found.class_name} ({found.probability:.0%})")


if __name__ == "__main__":
    try:
        main()
    except barenet.errors.BarenetError as error:
        sys.exit(f"error: {error}")
