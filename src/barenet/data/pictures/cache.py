"""Decode the pictures of a data set once, in parallel, and read them from a checked cache ever after.

    <cache>/pictures/<key>/train.npy  val.npy  test.npy     pixels (n, D), uint8, read memory-mapped
                           index.json                       checksums, what could not be read, what was odd

The key hashes name, size and time of every file, the settings and Pillow's version: a picture that is changed, added,
removed or renamed gives another key. Set BARENET_CACHE to keep the cache elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from barenet.data.pictures.decoding import Findings, commonest_size, decode_part
from barenet.data.pictures.folders import PictureFile, PictureFolder, find_pictures
from barenet.errors import DataError, MachineError
from barenet.messages import few, one_line

__all__ = ["PictureArrays", "cache_folder", "read_picture_folder", "read_pictures"]

FORMAT = 1
SHOWN = 8  # how many files a message names

Pixels = NDArray[np.uint8]


class PictureArrays(NamedTuple):
    """The pictures of a folder: by part, images (n, height, width[, 3]) and labels (n,) by their names in messages.

    were_scaled: whether most of those to train on came in another size.
    """

    class_names: tuple[str, ...]
    parts: dict[str, dict[str, NDArray[Any]]]
    were_scaled: bool


def cache_folder() -> Path:
    """Return the folder for what can be made again, where this system wants it: BARENET_CACHE, or the user's own."""
    if chosen := os.environ.get("BARENET_CACHE"):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "barenet"


def read_picture_folder(
    root: Path,
    size: tuple[int, int] | None,
    *,
    color: bool,
    skip_broken: bool,
    note: Callable[[str], None],
    show_progress: bool = False,
) -> PictureArrays:
    """Return the pictures of a folder as arrays; see `datasets.load_dataset` for the settings."""
    found = find_pictures(root, note)
    size = size or commonest_size(found.parts["train"])
    shape = (*size, 3) if color else size
    pixels, findings = read_pictures(found, shape, skip_broken=skip_broken, note=note, show_progress=show_progress)
    parts: dict[str, dict[str, NDArray[Any]]] = {}
    for part, files in found.parts.items():
        where = str(root) if len(found.parts) == 1 else str(root / part)
        labels = np.delete([file.label for file in files], [int(row) for row in findings[part].broken])
        parts[part] = {where: pixels[part].reshape(-1, *shape), f"{where}, its labels": labels.astype(np.int64)}
    were_scaled = 2 * len(findings["train"].scaled) > len(pixels["train"])
    return PictureArrays(found.class_names, parts, were_scaled)


def read_pictures(
    found: PictureFolder,
    shape: tuple[int, ...],
    *,
    skip_broken: bool,
    note: Callable[[str], None],
    show_progress: bool = False,
) -> tuple[dict[str, Pixels], dict[str, Findings]]:
    """Return by part pixels (n, D) uint8, each picture in `shape`, (height, width) or (.., 3), and what was found.

    Raises DataError where pictures cannot be read, unless `skip_broken`, which leaves them out and says so.
    """
    entry = cache_folder() / "pictures" / entry_key(found, shape)
    stored = load_entry(entry, found, shape)
    if stored is None:
        stored = decode_into(entry, found, shape, skip_broken=skip_broken, note=note, show_progress=show_progress)
    report(found, stored[1], skip_broken, note)
    return stored


def entry_key(found: PictureFolder, shape: tuple[int, ...]) -> str:
    """Return the name of a data set's entry: a hash of all that decides what the decoded pixels are."""
    from PIL import __version__ as pillow_version

    digest = hashlib.blake2b(f"{FORMAT} {pillow_version} {found.root.resolve()} {shape}".encode(), digest_size=16)
    for part, files in found.parts.items():
        digest.update(f"\n{part} {len(files)}".encode())
        for file in files:
            digest.update(f"\n{file.label} {file.size} {file.mtime_ns} {file.path}".encode(errors="surrogateescape"))
    return digest.hexdigest()


def load_entry(
    entry: Path, found: PictureFolder, shape: tuple[int, ...]
) -> tuple[dict[str, Pixels], dict[str, Findings]] | None:
    """Return memory-mapped pixels and findings by part, or None where an entry is missing or in any way damaged."""
    try:
        index = json.loads((entry / "index.json").read_text("utf-8"))
        pixels, findings = {}, {}
        for part, files in found.parts.items():
            findings[part] = Findings(**index["findings"][part])
            pixels[part] = np.load(entry / f"{part}.npy", mmap_mode="r", allow_pickle=False)
            expected = (len(files) - len(findings[part].broken), int(np.prod(shape)))
            if pixels[part].shape != expected or checksum(pixels[part]) != index["checksums"][part]:
                return None
        return pixels, findings
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError):
        return None


def checksum(pixels: Pixels) -> str:
    """Return a checksum of pixels."""
    return hashlib.blake2b(np.ascontiguousarray(pixels).data, digest_size=16).hexdigest()


def decode_into(
    entry: Path,
    found: PictureFolder,
    shape: tuple[int, ...],
    *,
    skip_broken: bool,
    note: Callable[[str], None],
    show_progress: bool,
) -> tuple[dict[str, Pixels], dict[str, Findings]]:
    """Decode all pictures into a new entry of the cache, or into memory where the cache cannot be written."""
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".", dir=entry.parent))
    except OSError as error:
        note(f"cannot keep the decoded pictures in {entry.parent} ({error.strerror}): they are decoded anew each time")
        return decode_parts(None, found, shape, show_progress)
    try:
        pixels, findings = decode_parts(temporary, found, shape, show_progress)
        if any(own.broken for own in findings.values()) and not skip_broken:
            return pixels, findings  # an error follows, and the files will be mended: nothing to keep
        index = {
            "format": FORMAT,
            "root": str(found.root.resolve()),
            "shape": list(shape),
            "checksums": {part: checksum(own) for part, own in pixels.items()},
            "findings": {part: own._asdict() for part, own in findings.items()},
        }
        del pixels  # Windows renames no folder with a file in it that is mapped
        (temporary / "index.json").write_text(json.dumps(index), "utf-8")
        drop_outdated(entry, index)
        shutil.rmtree(entry, ignore_errors=True)
        with suppress(OSError):  # another process was faster, with the same pixels
            temporary.replace(entry)
    except OSError as error:
        raise MachineError(
            f"cannot keep the decoded pictures in {entry.parent}: {error.strerror}; make room, or set BARENET_CACHE to "
            f"another folder"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    stored = load_entry(entry, found, shape)
    if stored is None:
        raise MachineError(f"{entry} cannot be read back as it was written: set BARENET_CACHE to a folder elsewhere")
    return stored


def decode_parts(
    folder: Path | None, found: PictureFolder, shape: tuple[int, ...], show_progress: bool
) -> tuple[dict[str, Pixels], dict[str, Findings]]:
    """Decode part by part, into .npy files in a folder or into memory."""
    pixels, findings = {}, {}
    for part, files in found.parts.items():
        target = None if folder is None else folder / f"{part}.npy"
        pixels[part], findings[part] = decode_part(files, shape, target, show_progress)
    return pixels, findings


def drop_outdated(entry: Path, index: dict[str, Any]) -> None:
    """Delete entries of the same folder and shape whose files have changed since: nobody will ask for them again."""
    for other in entry.parent.glob("[!.]*"):  # a hidden one is still being written
        with suppress(OSError, ValueError, KeyError):
            known = json.loads((other / "index.json").read_text("utf-8"))
            if other != entry and (known["root"], known["shape"]) == (index["root"], index["shape"]):
                shutil.rmtree(other, ignore_errors=True)


def report(found: PictureFolder, findings: dict[str, Findings], skip_broken: bool, note: Callable[[str], None]) -> None:
    """Raise DataError for pictures that cannot be read, or note that they are left out; note what else is odd."""
    parts = found.parts
    broken = [
        f"{shown(found, parts[part][int(row)])} {fault}"
        for part, own in findings.items()
        for row, fault in own.broken.items()
    ]
    n_all = sum(map(len, parts.values()))
    if broken:
        listed = f"{len(broken)} of {n_all} pictures in {found.root} cannot be read: {few(broken, SHOWN)}"
        if not skip_broken:
            raise DataError(f"{listed}; mend or remove them, or leave them out with --skip-broken")
        note(f"{listed}; left out")
    if len(broken) == n_all:
        raise DataError(f"none of the {n_all} pictures in {found.root} can be read")
    for what, remark in (("animated", "only the first frame is used"), ("blank", "every pixel is the same")):
        odd = [shown(found, parts[part][row]) for part, own in findings.items() for row in getattr(own, what)]
        if odd:
            note(f"{len(odd)} of {n_all} pictures in {found.root} are {what} ({remark}): {few(odd)}")


def shown(found: PictureFolder, file: PictureFile) -> str:
    """Return a picture's path below the data set's folder."""
    return one_line(Path(file.path).relative_to(found.root))
