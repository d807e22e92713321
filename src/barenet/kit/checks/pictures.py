"""Step 10: neurons as images, exactly; and pictures of the weights: are they there, and do they show the weights?"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from barenet.kit.checks.formulas import draw_parameters
from barenet.kit.checks.numbers import Array, array_of, mistake_in
from barenet.kit.findings import Findings, Wrong
from barenet.kit.homework import Homework

__all__ = ["check_pictures"]

ALIKE = 0.8  # correlation of a picture with the weights that it shows


def check_pictures(homework: Homework, findings: Findings) -> None:
    """Check neuron_images with three neurons of 2 x 2 weights, and the files of param_vis."""
    check_neurons(homework, findings)
    param_vis = homework.find("param_vis.py", "param_vis")
    sizes = homework.form.sizes((16, 6, 5, 3))  # neurons of the first layer are images of 4 x 4
    first, second = (draw_parameters(sizes, np.random.default_rng(seed)) for seed in (0, 1))
    names = ("neurons", *(name for name in first if name[0] == "W"))
    homework.call("param_vis", param_vis, first, "pictures")
    for name in names:
        if not Path("pictures", f"{name}.png").is_file():
            there = sorted(path.name for path in Path("pictures").glob("*")) if Path("pictures").is_dir() else []
            raise Wrong(f"param_vis writes no {name}.png into its folder; there is {', '.join(there) or 'nothing'}")
    pictures = {name: read_picture(Path("pictures", f"{name}.png")) for name in names}
    homework.call("param_vis, with a folder that is there already,", param_vis, first, "pictures")
    homework.call("param_vis", param_vis, second, "others")
    for name, picture in pictures.items():
        if np.ptp(picture) == 0:
            findings.add(f"{name}.png has one colour only")
            continue
        other = Path("others", f"{name}.png")
        if not other.is_file():
            findings.add(f"param_vis writes no {name}.png into the folder that it is given in a second call")
        elif np.array_equal(read_picture(other), picture):
            findings.add(f"{name}.png is the same for other weights; it must show the weights that param_vis is given")
        elif name != "neurons" and is_grey(Path("pictures", f"{name}.png")):
            shown = picture if picture.shape == first[name].shape else picture.T
            if shown.shape == first[name].shape and likeness(shown, first[name]) < ALIKE:
                findings.add(f"{name}.png has the size of {name}, and its grey values are not those of the weights")


def check_neurons(homework: Homework, findings: Findings) -> None:
    """Check the image of three neurons, two in a row."""
    function = homework.find("param_vis.py", "neuron_images")
    weights = np.arange(1.0, 13).reshape(4, 3)  # column j is neuron j: 1 4 7 10, 2 5 8 11, 3 6 9 12
    wanted = np.array([[1.0, 4, 2, 5], [7, 10, 8, 11], [3, 6, 0, 0], [9, 12, 0, 0]])
    got = array_of(homework.call("neuron_images", function, weights.copy(), 2), (4, 4), "neuron_images for W1 (4, 3)")
    rows = weights.reshape(3, 2, 2)
    mistakes = {
        "a neuron is a column of W1: take weights[:, j] or weights.T": tiles([rows[0], rows[1], rows[2]]),
        "each small image is transposed": tiles([weights[:, j].reshape(2, 2).T for j in range(3)]),
        "the second neuron must be to the right of the first one, not below": np.array(
            [[1.0, 4, 3, 6], [7, 10, 9, 12], [2, 5, 0, 0], [8, 11, 0, 0]]
        ),
    }
    findings.add(*mistake_in("neuron_images of three neurons with 2 x 2 weights", got, wanted, mistakes))
    if findings.wrong:
        return
    weights = np.linspace(-1, 1, 16).reshape(4, 4)  # four neurons fill two rows of two
    result = homework.call("neuron_images", function, weights.copy(), 2)
    if np.shape(result) == (6, 4):
        raise Wrong("neuron_images of four neurons, two in a row, has three rows; two are enough: round up")
    got = array_of(result, (4, 4), "neuron_images for W1 (4, 4)")
    small = [weights[:, j].reshape(2, 2) for j in range(4)]
    wanted = np.block([small[:2], small[2:]])
    findings.add(*mistake_in("neuron_images of four neurons with weights from -1 to 1", got, wanted, {}))


def tiles(images: list[Array]) -> Array:
    """Return three small images, two in a row."""
    return np.block([[images[0], images[1]], [images[2], np.zeros((2, 2))]])


def read_picture(path: Path) -> Array:
    """Return a picture as grey values; raise Wrong if it is none."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("L"), np.float64)
    except Exception:  # Pillow raises many kinds for bytes that are no picture
        raise Wrong(f"{path.name} is no picture; write it with save_picture or matplotlib") from None


def is_grey(path: Path) -> bool:
    """Whether a picture has no colours; many scales of colours are no brighter for larger weights."""
    from PIL import Image

    with Image.open(path) as image:
        return not np.ptp(np.asarray(image.convert("RGB"), np.int16), axis=2).any()


def likeness(picture: Array, weights: Array) -> float:
    """Return the correlation of a picture with weights of its shape; the picture may be mirrored or negative."""
    mirrored = (picture, picture[::-1], picture[:, ::-1], picture[::-1, ::-1])
    return max(abs(float(np.corrcoef(one.ravel(), weights.ravel())[0, 1])) for one in mirrored)
