"""The settings of Sphinx. `docs/build.py` adds the language and the folder of the pages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parents[1]))

from website import mathematics
from website.contents import LANGUAGES, pages_of
from website.links import to_other_language
from website.words import EnglishAndChinese

PAGES = {language: pages_of(language) for language in LANGUAGES}

project = "barenet"
html_title = "barenet"
html_theme = "furo"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["locale"]
locale_dirs = ["locale"]
templates_path = ["templates"]
html_static_path = ["static"]
html_css_files = ["site.css"]
html_favicon = html_logo = "static/icon.svg"
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#c84a17",
        "color-brand-content": "#2b5ca3",
        "color-brand-visited": "#2b5ca3",
        "color-sidebar-link-text": "#41464e",
        "color-sidebar-link-text--top-level": "#41464e",
        "color-background-primary": "#fffefb",
        "color-background-secondary": "#f6f3ea",
        "color-background-border": "#e6e1d4",
        "color-code-background": "#f8f5ec",
        "color-inline-code-background": "#f6f3ea",
    },
    "dark_css_variables": {
        "color-brand-primary": "#ff9466",
        "color-brand-content": "#8db8f5",
        "color-brand-visited": "#8db8f5",
        "color-sidebar-link-text": "#b9bec7",
        "color-sidebar-link-text--top-level": "#b9bec7",
        "color-background-primary": "#16181c",
        "color-background-secondary": "#1b1e23",
        "color-background-border": "#2f343b",
        "color-code-background": "#1e2127",
        "color-inline-code-background": "#22262d",
    },
}
html_math_renderer = "mathml"
html_copy_source = False
html_show_copyright = False
html_domain_indices = False
html_use_index = False
html_search_language = "en"  # for both languages: see words.py
pygments_style = "friendly"
pygments_dark_style = "github-dark"
highlight_language = "text"  # of a block of code that names none: commands and what they print
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4
myst_url_schemes = {"http": None, "https": None, "mailto": None, "site": "{{path}}"}
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "language.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}


def add_other_language(app: Sphinx, page: str, _template: str, context: dict[str, Any], _doctree: object) -> None:
    """Tell the templates where a page is in the other language; a page that is not there has the front page."""
    language, other = ("zh", "en") if app.config.language == "zh_CN" else ("en", "zh")
    name = page if page in PAGES[other] or page.startswith(("search", "source/")) else "index"
    context["other_language"] = to_other_language(page, name, language)


def setup(app: Sphinx) -> None:
    """Add what Sphinx does not have."""
    app.add_html_math_renderer("mathml", (mathematics.inline, None), (mathematics.block, None))
    app.add_search_language(EnglishAndChinese)
    app.connect("html-page-context", add_other_language)
