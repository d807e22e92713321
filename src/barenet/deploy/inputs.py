"""Read what a person wants to predict: pictures, folders, standard input, .npy, .csv and IDX files.

The result is named rows that a `Predictor` takes: pictures get the model's shape, and arrays and tables keep their
values.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.data.files import PICTURE, fault_of_file
from barenet.data.formats.emnist import emnist_split
from barenet.data.formats.idx import read_idx
from barenet.data.formats.idx_folders import FILE_NAME
from barenet.data.pictures.decoding import n_threads
from barenet.data.pictures.folders import list_pictures
from barenet.data.pictures.picture import SUFFIXES, Picture, decode_alike, is_blank, quiet_pillow
from barenet.data.tables.files import is_table
from barenet.data.tables.parts import read_npy
from barenet.data.tables.reading import read_table
from barenet.data.tables.table import Table, table_of
from barenet.deploy.framing import Frame, Steps, frame_of
from barenet.deploy.predictor import Predictor
from barenet.errors import DataError
from barenet.messages import few, one_line
from barenet.notes import logger
from barenet.printing.streams import read_standard_input
from barenet.reading.borders import open_regular, reading
from barenet.reading.limits import GZIP_MAGIC
from barenet.run_folders.checkpoint import ModelInfo
from barenet.training.inputs.table_inputs import encode_table

__all__ = ["Inputs", "looks_like_input", "read_inputs"]

STANDARD_INPUT = "-"
SHOWN = 8  # the number of files that a message names


@dataclass(frozen=True)
class Inputs:
    """Names of the inputs (n), and their values for the predictor (n, ...)."""

    names: list[str]
    values: NDArray[Any]


def read_inputs(
    sources: Sequence[str | Path],
    predictor: Predictor,
    steps: Steps,
    *,
    skip_broken: bool = False,
) -> Inputs:
    """Read all `sources` ("-" is standard input) for a model, and note what was done to pictures.

    Raises DataError for a source that cannot be read, unless `skip_broken`, and CheckpointError for pictures where the
    model takes none.
    """
    parts: list[Inputs] = []
    pictures: list[tuple[str, Path | bytes]] = []
    for source in sources:
        content = read_standard_input() if str(source) == STANDARD_INPUT else None
        path = Path(source)
        if content is None and path.is_dir():
            pictures += list(pictures_in(path))
        elif is_table(path.name) and path.is_file() and content is None:
            rows = encode_rows(path, read_table(path, exact=True), predictor)
            parts.append(Inputs(rows.names, upright(path, rows.values, predictor.info)))
        elif (array := read_array(path, content)) is not None:
            if predictor.takes_rows and array.ndim <= 2:
                table = table_of(np.atleast_2d(array), str(path), exact=True)
                parts.append(encode_rows(path, table, predictor))
            else:
                parts.append(split_array(path, upright(path, array, predictor.info), predictor, steps))
        elif content is not None:
            pictures.append((STANDARD_INPUT, content))
        elif not path.exists():
            raise DataError(f"{path} does not exist: expected a picture, a folder, an .npy, .csv or IDX file, or -")
        elif (fault := fault_of_file(path)) not in (None, PICTURE):
            raise DataError(f"{path} {fault}; expected a picture, a folder, an .npy, .csv or IDX file, or -")
        else:
            pictures.append((str(source), path))
    if pictures:
        frame, known = frame_of(predictor.info, steps), predictor.info.preprocessing.get("value_range")
        value_range = None if known is None else (known[0], known[1])
        parts.append(read_pictures(pictures, frame, value_range, skip_broken=skip_broken))
    # Bytes and floats are scaled differently, so one array must not mix them.
    if len({part.values.dtype.kind for part in parts}) > 1:
        raise DataError("pictures and arrays of floats cannot be mixed: predict them one after the other")
    shape = (-1, *predictor.info.image_shape)
    values = np.concatenate([part.values.reshape(shape) for part in parts])
    return Inputs([name for part in parts for name in part.names], values)


def looks_like_input(path: Path) -> bool:
    """Whether a path exists and holds something to predict, by its name or its first bytes."""
    if not path.is_file():
        return path.is_dir()
    is_picture = path.suffix.lower() in SUFFIXES or fault_of_file(path) == PICTURE
    return is_picture or is_table(path.name) or is_array(path)


def file_size(path: Path) -> int:
    """Return a file's size in bytes, or 0 where it is unknown; an error then follows when the file is read."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def pictures_in(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield name and path of the pictures in a folder and below it, sorted; raise DataError if there are none."""
    found = sorted(list_pictures(folder))
    if not found:
        raise DataError(f"{folder} holds no pictures ({', '.join(SUFFIXES)})")
    for file in found:
        yield file.path, Path(file.path)


def read_array(path: Path, content: bytes | None) -> NDArray[Any] | None:
    """Return the array in a file or in standard input, or None if it should be a picture."""
    if content is not None:
        if content.startswith(b"\x93NUMPY"):
            try:
                array: NDArray[Any] = np.load(io.BytesIO(content), allow_pickle=False)
            except ValueError as error:
                raise DataError(f"standard input is not a valid .npy file: {one_line(error, 80)}") from None
            return array
        return None
    if not is_array(path):
        return None
    return read_npy(path) if path.suffix.lower() == ".npy" else read_idx(path)


def is_array(path: Path) -> bool:
    """Whether a path is that of an .npy or IDX file, by its name or its first bytes."""
    is_named = path.suffix.lower() == ".npy" or FILE_NAME.fullmatch(path.name) is not None
    return is_named or (path.is_file() and looks_like_idx(path))


def encode_rows(path: Path, table: Table, predictor: Predictor) -> Inputs:
    """Return the rows of a table as the model takes them, by the names of their columns, without labels."""
    info = predictor.info
    features = encode_table(info.preprocessing, table, int(np.prod(info.image_shape)))
    return Inputs([f"{path}[{row}]" for row in range(len(features))], features.reshape(-1, *info.image_shape))


def upright(path: Path, images: NDArray[Any], info: ModelInfo) -> NDArray[Any]:
    """Return images (n, height, width) as `barenet.load_dataset` reads them: turned if training or EMNIST needs it.

    An .npy file is not turned, and neither is EMNIST for models of earlier versions, which remember no range.
    """
    is_emnist = emnist_split(path.name) is not None and "values" in info.preprocessing
    asked = info.settings.get("data", {}).get("transpose")
    if images.ndim != 3 or path.suffix.lower() == ".npy" or not (is_emnist if asked is None else asked):
        return images
    logger.info(f"{path}: images are turned, as {'in training' if asked else 'those of EMNIST lie on their side'}")
    return (
        images.reshape(len(images), images.shape[2], -1).swapaxes(1, 2)
        if is_table(path.name)
        else images.swapaxes(1, 2)
    )


def looks_like_idx(path: Path) -> bool:
    """Whether a file begins like an IDX file, compressed or not."""
    with reading(path), open_regular(path) as file:
        beginning = file.read(4)
    return beginning.startswith(GZIP_MAGIC) or (beginning[:2] == b"\0\0" and len(beginning) == 4)


def split_array(path: Path, array: NDArray[Any], predictor: Predictor, steps: Steps) -> Inputs:
    """Return the rows of an array by name; bytes with another size than the model's are treated as pictures."""
    shape = tuple(predictor.info.image_shape)
    n_inputs = int(np.prod(shape))
    if array.shape in (shape, (n_inputs,)):
        return Inputs([str(path)], array.reshape(1, *shape))
    names = [f"{path}[{row}]" for row in range(len(array) if array.ndim else 0)]
    if array.shape[1:] in (shape, (n_inputs,)):
        return Inputs(names, array.reshape(len(array), *shape))
    if array.dtype == np.uint8 and array.ndim == 3 and len(shape) == 2:
        frame = frame_of(predictor.info, steps)
        return Inputs(names, np.stack([frame(image)[0] for image in array]))
    raise DataError(f"{path} has shape {array.shape}, expected (n, {', '.join(map(str, shape))}) or (n, {n_inputs})")


def read_pictures(
    pictures: Sequence[tuple[str, Path | bytes]],
    frame: Frame,
    value_range: tuple[int, int] | None,
    *,
    skip_broken: bool,
) -> Inputs:
    """Decode pictures in parallel, change them to the model's form, and note what was done to how many of them.

    `value_range` became 0 and 255 in training pictures with 16 bits for each pixel; None if there were none.
    """

    def read(picture: tuple[str, Path | bytes]) -> tuple[Picture, list[str]] | DataError:
        try:
            found, scaled = decode_alike(picture[1], value_range, color=frame.color, smallest=max(frame.size))
            pixels, done = frame(found.pixels)
            done = scaled + done
            return Picture(pixels, found.is_animated), done
        except DataError as error:
            return error

    names: list[str] = []
    rows: list[NDArray[np.uint8]] = []
    broken: list[str] = []
    animated: list[str] = []
    done: Counter[str] = Counter()
    sizes = [len(source) if isinstance(source, bytes) else file_size(source) for _, source in pictures]
    with quiet_pillow(), ThreadPoolExecutor(n_threads(sizes)) as pool:
        for (name, _), found in zip(pictures, pool.map(read, pictures), strict=True):
            if isinstance(found, DataError):
                broken.append(f"{one_line(name)} {found}")
                continue
            picture, steps = found
            names.append(name)
            rows.append(picture.pixels)
            done.update(steps)
            if picture.is_animated:
                animated.append(name)
    if broken:
        listed = f"{len(broken)} of {len(pictures)} pictures cannot be used: {few(broken, SHOWN)}"
        if not rows:
            raise DataError(listed if len(pictures) > 1 else broken[0])
        if not skip_broken:
            raise DataError(f"{listed}; leave them out with --skip-broken")
        logger.info(f"{listed}; left out")
    for what, n in done.items():
        logger.info(f"{n} of {len(pictures)} pictures {what}" if len(pictures) > 1 else what)
    if animated:
        logger.info(f"only the first frame is used of {few(animated)}")
    if blank := [name for name, pixels in zip(names, rows, strict=True) if is_blank(pixels)]:
        logger.info(f"every pixel is the same in {few(blank)}: its class is a guess")
    return Inputs(names, np.stack(rows))
