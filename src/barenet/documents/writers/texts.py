"""What all writers share: code in a text, names of figures' files, the mark of a file that barenet wrote."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from barenet.documents.blocks import Block, Figure

__all__ = ["is_ours", "marked", "name_figures", "with_code"]

MARK = re.compile(rb"Written by barenet report; sha256 ([0-9a-f]{16})")


def with_code(text: str, plain: Callable[[str], str], code: Callable[[str], str]) -> str:
    """Return a text with its plain parts and the code between backticks written by these two functions.

    >>> with_code("type `ls -l` now", str, lambda code: f"<{code}>")
    'type <ls -l> now'
    """
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a backtick in a name
        return plain(text)
    return "".join(code(part) if i % 2 else plain(part) for i, part in enumerate(parts))


def name_figures(blocks: Sequence[Block]) -> dict[int, str]:
    """Return the file name of each figure by the place of its block: plain ASCII letters, and each name once."""
    names: dict[int, str] = {}
    for place, block in enumerate(blocks):
        if isinstance(block, Figure):
            stem = re.sub(r"[^a-z0-9]+", "-", block.name.lower()).strip("-") or "figure"
            name, n = f"{stem}.png", 1
            while name in names.values():
                n += 1
                name = f"{stem}-{n}.png"
            names[place] = name
    return names


def marked(body: bytes, comment: tuple[bytes, bytes]) -> bytes:
    """Return a file with a last line, a comment, that says who wrote it and has a checksum of all before."""
    body = body.rstrip(b"\n") + b"\n"
    digest = hashlib.sha256(body).hexdigest()[:16].encode()
    return body + b"%sWritten by barenet report; sha256 %s%s\n" % (comment[0], digest, comment[1])


def is_ours(path: Path) -> tuple[bool, bool]:
    """Return whether barenet wrote a file as a report, and whether it is still as it was written."""
    try:
        data = path.read_bytes()
    except OSError:
        return False, False
    match = MARK.search(data)
    if match is None:
        return False, False
    head, _, last = data.rstrip(b"\n").rpartition(b"\n")
    return True, match[0] in last and hashlib.sha256(head + b"\n").hexdigest()[:16].encode() == match[1]
