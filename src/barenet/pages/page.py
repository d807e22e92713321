"""Fill a template: the one place that knows Jinja2."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from barenet.errors import MachineError
from barenet.storage.files import replace_file, with_ending

__all__ = ["LIMIT", "page_path", "render", "write_page"]

LIMIT = 3_000_000  # bytes of a page


def render(template: str, **values: Any) -> str:
    """Return a template filled in: all but drawings is escaped, and a missing value is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("barenet.pages.reports"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template(template).render(infinity=math.inf, **values) + "\n"


def page_path(path: str | Path) -> Path:
    """Return the path of a page that a person named, or raise ConfigError; a name without an ending gets .html."""
    return with_ending(path, "an HTML page", [".html", ".htm"])


def write_page(path: Path, page: str) -> None:
    """Write a page whole, and its folder if need be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MachineError(f"cannot make {path.parent}: {error.strerror}; choose another place") from None
    replace_file(path, page)
