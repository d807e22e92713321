"""Decode the pictures of a data set once, in parallel, and read them from a checked cache after that.

    <cache>/pictures/<key>/train.npy  val.npy  test.npy     pixels (n, D), uint8, read memory-mapped
                           index.json                       checksums, what could not be read, what was unusual

The key hashes name, size and time of every file, the settings and Pillow's version: a picture that is changed, added,
removed or renamed gives another key. Set BARENET_CACHE to keep the cache elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.data.found import Found
from barenet.data.options import Options
from barenet.data.pictures.decoding import Findings, commonest_size, decode_part
from barenet.data.pictures.deep import WHOLE_RANGE, range_of
from barenet.data.pictures.layouts import PictureFolder
from barenet.data.pictures.reports import Decoded, report
from barenet.errors import MachineError
from barenet.notes import logger
from barenet.user_cache import cache_folder

__all__ = ["Decoded", "decode_folder", "read_pictures"]

FORMAT = 2

Pixels = NDArray[np.uint8]


def decode_folder(found: PictureFolder, options: Options) -> Found:
    """Return the pictures of a data set as arrays (n, height, width[, 3])."""
    size = options.image_size or commonest_size(found.parts["train"])
    shape = (*size, 3) if options.color else size
    decoded = read_pictures(found, shape, options)
    parts: dict[str, dict[str, NDArray[Any]]] = {}
    for part, files in found.parts.items():
        where = str(found.root) if len(found.parts) == 1 else str(found.root / part)
        labels = np.delete([file.label for file in files], [int(row) for row in decoded.findings[part].broken])
        pixels = decoded.pixels[part].reshape(-1, *shape)
        parts[part] = {where: pixels, f"{where}, its labels": labels.astype(np.int64)}
    facts: dict[str, Any] = {
        "kind": "pictures",
        "class_names": found.class_names,
        "were_scaled": 2 * len(decoded.findings["train"].scaled) > len(decoded.pixels["train"]),
        "value_range": decoded.value_range,
    }
    as_before = None
    if options.value_range is None and decoded.value_range not in (None, WHOLE_RANGE):
        # Earlier versions kept the upper 8 bits of 16-bit pictures, and did not scale them by their values.
        quiet = replace(options, value_range=WHOLE_RANGE)
        as_before = partial(decode_folder, found, quiet)
    return Found(parts, found.layout, as_before=as_before, facts=facts)


def read_pictures(found: PictureFolder, shape: tuple[int, ...], options: Options) -> Decoded:
    """Return the pictures of a data set, each in `shape`, (height, width) or (.., 3), and what was found.

    Raises DataError if pictures cannot be read; with `skip_broken` they are left out, with a note.
    """
    folder, wanted = cache_folder() / "pictures", options.value_range
    decoded = load_entry(folder / entry_key(found, shape, None), found, shape)
    if decoded is not None and wanted is not None and decoded.value_range not in (None, wanted):
        decoded = None  # decoded with the range of these pictures, but another one is wanted
    if decoded is None:
        entry = folder / entry_key(found, shape, wanted)
        decoded = (load_entry(entry, found, shape) if wanted else None) or decode_into(entry, found, shape, options)
    report(found, decoded, options)
    return decoded


def entry_key(found: PictureFolder, shape: tuple[int, ...], value_range: tuple[int, int] | None) -> str:
    """Return the name of a data set's entry: a hash of all that determines the decoded pixels."""
    from PIL import __version__ as pillow_version

    asked = "" if value_range is None else f" {value_range}"
    settings = f"{FORMAT} {pillow_version} {found.root.resolve()} {shape}{asked}"
    digest = hashlib.blake2b(settings.encode(), digest_size=16)
    for part, files in found.parts.items():
        digest.update(f"\n{part} {len(files)}".encode())
        for file in files:
            digest.update(f"\n{file.label} {file.size} {file.mtime_ns} {file.path}".encode(errors="surrogateescape"))
    return digest.hexdigest()


def load_entry(entry: Path, found: PictureFolder, shape: tuple[int, ...]) -> Decoded | None:
    """Return the content of an entry, with memory-mapped pixels, or None if it is missing or damaged."""
    try:
        index = json.loads((entry / "index.json").read_text("utf-8"))
        pixels, findings = {}, {}
        for part, files in found.parts.items():
            findings[part] = Findings(**index["findings"][part])
            pixels[part] = np.load(entry / f"{part}.npy", mmap_mode="r", allow_pickle=False)
            expected = (len(files) - len(findings[part].broken), int(np.prod(shape)))
            if pixels[part].shape != expected or checksum(pixels[part]) != index["checksums"][part]:
                return None
        value_range = index["value_range"]
        return Decoded(pixels, findings, None if value_range is None else (value_range[0], value_range[1]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, IndexError):
        return None


def checksum(pixels: Pixels) -> str:
    """Return a checksum of pixels."""
    return hashlib.blake2b(np.ascontiguousarray(pixels).data, digest_size=16).hexdigest()


def decode_into(entry: Path, found: PictureFolder, shape: tuple[int, ...], options: Options) -> Decoded:
    """Decode all pictures into a new entry of the cache, or into memory where the cache cannot be written."""
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".", dir=entry.parent))
    except OSError as error:
        logger.info(
            f"cannot keep the decoded pictures in {entry.parent} ({error.strerror}): they are decoded again each time"
        )
        return decode_parts(None, found, shape, options)
    try:
        decoded = decode_parts(temporary, found, shape, options)
        if any(findings.broken for findings in decoded.findings.values()) and not options.skip_broken:
            return decoded  # an error follows, and the files will change: nothing to keep
        index = {
            "format": FORMAT,
            "root": str(found.root.resolve()),
            "shape": list(shape),
            "value_range": decoded.value_range,
            "was_asked": options.value_range is not None,
            "checksums": {part: checksum(pixels) for part, pixels in decoded.pixels.items()},
            "findings": {part: findings._asdict() for part, findings in decoded.findings.items()},
        }
        del decoded  # Windows renames no folder with a file in it that is mapped
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


def decode_parts(folder: Path | None, found: PictureFolder, shape: tuple[int, ...], options: Options) -> Decoded:
    """Decode part by part, into .npy files in a folder or into memory.

    The values of 16-bit pictures that become 0 and 255 are found in the first part that has such pictures, which is the
    training part if it has some, and are used for all parts.
    """
    pixels, findings, value_range = {}, {}, options.value_range
    has_deep = False
    for part, files in found.parts.items():
        target = None if folder is None else folder / f"{part}.npy"
        pixels[part], findings[part] = decode_part(files, shape, target, options.show_progress, value_range)
        has_deep |= bool(findings[part].deep)
        if value_range is None and findings[part].extremes:
            value_range = range_of(*findings[part].extremes)
            if value_range != WHOLE_RANGE:  # the range with which they have just been decoded
                del pixels[part]  # Windows writes no file that is mapped
                pixels[part], findings[part] = decode_part(files, shape, target, options.show_progress, value_range)
    return Decoded(pixels, findings, value_range if has_deep else None)


def drop_outdated(entry: Path, index: dict[str, Any]) -> None:
    """Delete entries of the same folder and shape whose files have changed since, because they are of no use."""
    for other in entry.parent.glob("[!.]*"):  # hidden entries are still being written
        with suppress(OSError, ValueError, KeyError):
            known = json.loads((other / "index.json").read_text("utf-8"))
            same = (known["root"], known["shape"], known.get("was_asked", False))
            if other != entry and same == (index["root"], index["shape"], index["was_asked"]):
                shutil.rmtree(other, ignore_errors=True)
