"""Fill templates with Jinja2, and write pages; only this module uses Jinja2."""

from __future__ import annotations

import math
import re
from importlib import resources
from pathlib import Path
from typing import Any

from barenet.errors import MachineError
from barenet.language.choice import ENGLISH
from barenet.language.translation import heading, translated
from barenet.messages import count
from barenet.pages.languages import drawing_in_language, hover_in_language, template_in_language
from barenet.pages.scripts import script_in_language
from barenet.storage.files import replace_file, with_ending

__all__ = ["LIMIT", "page_path", "render", "write_page"]

LIMIT = 3_000_000  # bytes of a page
LINE = 36  # letters of code that fit in a line on a phone
FLAG = re.compile(r"(?<![\w-])--[a-z][\w.-]*\w")


def render(template: str, language: str = ENGLISH, **values: Any) -> str:
    """Return a filled template in a language: everything but SVG is escaped, and a missing value is an error."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    folder = resources.files("barenet.pages.reports") / "templates"

    def load(name: str) -> str:
        source = (folder / name).read_text("utf-8")
        if name.endswith(".css"):
            return source
        return script_in_language(source, language) if name.endswith(".js") else template_in_language(source, language)

    def said(value: Any) -> Any:
        return translated(value, language) if type(value) is str else value

    environment = Environment(
        loader=FunctionLoader(load),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=said,
    )
    environment.filters |= {
        "command": command,
        "flagged": lambda text: flagged(translated(text, language)),
        "things": count,
        "begun": lambda text: begun(translated(text, language)),
        "heading": lambda text: heading(text, language),
        "drawing": lambda svg: Markup(drawing_in_language(svg, language)),
        "hover": lambda points: Markup("{}").format(hover_in_language(points, language)),
    }
    return environment.get_template(template).render(infinity=math.inf, **values) + "\n"


def begun(text: str) -> str:
    """Return a sentence with a capital letter."""
    return text[:1].upper() + text[1:]


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
