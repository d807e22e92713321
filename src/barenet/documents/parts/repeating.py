"""How to repeat the work: commands, versions, machine, seeds, and checksums of files that barenet did not write."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from barenet.documents.blocks import Block, Code, Heading, Paragraph, Table
from barenet.documents.inputs.searches import SearchRecord
from barenet.documents.inputs.work import Work
from barenet.documents.words import Name
from barenet.version import __version__

__all__ = ["repeat_blocks"]

SHOWN = ("processor", "cores", "system", "Python", "NumPy", "BLAS", "barenet", "engine")
HEADINGS = {"machine": ("Item", "Value"), "files": ("File", Name("SHA-256")), "seed": "Seed"}
TITLES = {"processor": "Processor", "cores": "Cores", "system": "System", "engine": "Engine"}


def repeat_blocks(
    works: Sequence[Work], searches: Sequence[SearchRecord], files: Sequence[Path], command: str
) -> list[Block]:
    """Return the commands and what they need; `files` are those of homework, `command` writes this document."""
    commands = [c for work in works for c in work.commands] + [c for search in searches for c in search.commands]
    blocks: list[Block] = [Heading("How to repeat this")]
    if commands:
        blocks += [
            Paragraph(
                (
                    "These commands repeat the work.",
                    "The settings files hold all settings and seeds.",
                    "The same settings give the same weights on the same kind of machine.",
                )
            ),
            Code(tuple(dict.fromkeys(commands))),
        ]
    blocks += [Paragraph(("This command writes this document again.",)), Code((command,))]
    machines = [work for work in works if work.machine]
    if machines:
        rows = []
        for name in SHOWN:
            values = [str((work.machine or {}).get(name, "–")) for work in machines]
            shown = values[:1] if len(set(values)) == 1 else values
            rows.append((TITLES.get(name, Name(name)), Name("; ".join(shown))))
        rows += [
            (
                str(HEADINGS["seed"]),
                Name(", ".join(dict.fromkeys(str(w.config.trainer.seed) for w in machines if w.config))),
            )
        ]
        blocks.append(Table(("The machine and the versions of the training.",), HEADINGS["machine"], rows, "ll"))
    if files:
        rows = [(Name(path.name), Name(hashlib.sha256(path.read_bytes()).hexdigest()[:16])) for path in files]
        caption = ("The files that were read, and the first 16 digits of their SHA-256.",)
        blocks.append(Table(caption, HEADINGS["files"], rows, "ll"))
    blocks.append(Paragraph((f"The document was written by barenet {__version__}.",)))
    return blocks
