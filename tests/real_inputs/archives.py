"""Archives that are given in place of data."""

from __future__ import annotations

import io
import zipfile

__all__ = ["zipped"]


def zipped(*names: str) -> bytes:
    """Return a zip archive of small files of these names."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return content.getvalue()
