"""The code cells of a notebook, run until a name is defined, without lines for IPython alone, such as %matplotlib."""

from __future__ import annotations

import json
import linecache
import re
from pathlib import Path
from typing import Any

from barenet.errors import BarenetError, ConfigError
from barenet.gradcheck.functions.failures import explain_failure

__all__ = ["code_cells", "run_cells"]

MAGIC = re.compile(r"%[a-zA-Z]|!|\?|[\w.]+\?\??\s*$")


def code_cells(path: Path) -> list[str]:
    """Return the source of each code cell of a notebook's file."""
    try:
        cells = json.loads(path.read_text("utf-8"))["cells"]
        sources = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
        return ["".join(source) for source in sources]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path.name} is no Jupyter notebook of format 4; save it again with Jupyter") from error


def plain_python(source: str) -> str:
    """Return a cell without magics, line by line, so that line numbers stay."""
    if source.lstrip().startswith("%%"):
        return ""
    lines = []
    for line in source.splitlines():
        indent, rest = re.fullmatch(r"(\s*)(.*)", line, re.DOTALL).groups()  # type: ignore[union-attr]
        lines.append(f"{indent}pass" if MAGIC.match(rest) else line)
    return "\n".join(lines) + "\n"


def run_cells(path: Path, name: str, namespace: dict[str, Any]) -> None:
    """Run the code cells in order in a namespace, up to the one that defines `name`."""
    namespace |= {"display": lambda *things, **_: None}  # what IPython defines
    for k, cell in enumerate(code_cells(path), start=1):
        source, file = plain_python(cell), f"{path.name} cell {k}"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)  # for messages
        try:
            exec(compile(source, file, "exec"), namespace)
        except (MemoryError, BarenetError):
            raise
        except (Exception, SystemExit) as error:
            raise ConfigError(explain_failure(error, file, path.name)) from error
        if name in namespace:
            return
