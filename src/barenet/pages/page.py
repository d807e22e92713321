"""Fill templates with Jinja2, and write pages; only this module uses Jinja2."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from barenet.errors import MachineError
from barenet.messages import count
from barenet.storage.files import replace_file, with_ending

__all__ = ["LIMIT", "page_path", "render", "write_page"]

LIMIT = 3_000_000  # bytes of a page
LINE = 36  # letters of code that fit in a line on a phone
FLAG = re.compile(r"(?<![\w-])--[a-z][\w.-]*\w")


def render(template: str, **values: Any) -> str:
    """Return a filled template: everything but SVG is escaped, and a missing value is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("barenet.pages.reports"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"command": command, "flagged": flagged, "things": count}
    return environment.get_template(template).render(infinity=math.inf, **values) + "\n"


def command(text: str) -> str:
    """Return a command as code that breaks only between words, except for words longer than a line."""
    from markupsafe import Markup

    words = [Markup("<span>{}</span>" if len(word) <= LINE else "{}").format(word) for word in text.split(" ")]
    return Markup("<code>{}</code>").format(Markup(" ").join(words))


def flagged(text: str) -> str:
    """Return a sentence in which each flag, such as --epochs, is code without line breaks."""
    from markupsafe import Markup, escape

    return Markup(FLAG.sub(lambda found: f"<code><span>{found[0]}</span></code>", str(escape(text))))


def page_path(path: str | Path) -> Path:
    """Return the path of a page, or raise ConfigError for another ending; a name without an ending gets .html."""
    return with_ending(path, "an HTML page", [".html", ".htm"])


def write_page(path: Path, page: str) -> None:
    """Write a page, and make its folder if there is none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MachineError(f"cannot make {path.parent}: {error.strerror}; choose another place") from None
    replace_file(path, page)
