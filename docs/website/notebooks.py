"""A notebook as a page in Markdown: its text, its cells and their outputs, as they are kept in the file."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from website.links import rewritten

PICTURES = {"image/png": "png", "image/svg+xml": "svg"}


def notebook_page(file: Path, pictures: Path, address: str, change: Callable[[str], str]) -> str:
    """Return a notebook as Markdown, with changed targets of links.

    Its pictures are written into the folder `pictures`, which has the given address.
    """
    parts: list[str] = []
    for number, cell in enumerate(json.loads(file.read_text("utf-8"))["cells"]):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(rewritten(source, change))
            continue
        parts.append(f"```python\n{source}\n```")
        for place, output in enumerate(cell["outputs"]):
            parts.append(output_block(output, pictures, address, f"{file.stem}-{number}-{place}"))
    return "\n\n".join(part for part in parts if part) + "\n"


def output_block(output: dict[str, Any], pictures: Path, address: str, stem: str) -> str:
    """Return what a cell has printed or drawn, as Markdown."""
    data = output.get("data", {})
    for kind, suffix in PICTURES.items():
        if kind in data:
            content = "".join(data[kind])
            raw = base64.b64decode(content) if suffix == "png" else content.encode()
            pictures.mkdir(parents=True, exist_ok=True)
            (pictures / f"{stem}.{suffix}").write_bytes(raw)
            return f"![]({address}/{stem}.{suffix})"
    text = "".join(output.get("text", data.get("text/plain", ""))).rstrip()
    return f"``````{{code-block}} text\n:class: output\n\n{text}\n``````" if text else ""


def first_text(file: Path) -> str:
    """Return the first cell of a notebook, which has its heading."""
    return "".join(json.loads(file.read_text("utf-8"))["cells"][0]["source"])
