"""The pages of the site: their order, their files, and their names, which are their addresses."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
LANGUAGES = ("en", "zh")
READMES = {"en": ROOT / "README.md", "zh": ROOT / "README.zh-CN.md"}
NOTEBOOKS = ROOT / "examples" / "notebooks"
OTHERS = ("CONTRIBUTING", "CHANGELOG", "SECURITY")  # pages that lie beside the README

# The sections of the navigation: the title in both languages, and the names of the pages. A page that is in no section
# is added to the last one.
SECTIONS = (
    ("Learn", "学习", ("docs/how-it-works", "docs/what-helps", "docs/results", "docs/terms")),
    ("Homework", "作业", ("docs/gradcheck", "docs/hand-in", "docs/course-kit", "docs/what-to-hand-in")),
    (
        "Notebooks",
        "笔记本",
        ("notebooks/train-and-look-inside", "notebooks/find-the-mistake", "notebooks/search-honestly", "notebooks/*"),
    ),
    ("Train and search", "训练与搜索", ("docs/your-own-data", "docs/settings", "docs/search", "docs/cluster")),
    ("Look inside", "观察", ("docs/inspect", "docs/report", "docs/playground", "docs/language")),
    ("Use a model", "使用模型", ("docs/predict", "docs/ensemble", "docs/export", "docs/scikit-learn")),
    ("Behind it", "深入", ("docs/architecture", "docs/performance", "docs/compiled-engine", "docs/reliability")),
)


def name_of(file: Path) -> str | None:
    """Return the name of the page that is made from a file, the same for all languages; None if none is.

    >>> name_of(ROOT / "docs" / "zh" / "search.md")
    'docs/search'
    """
    if file in READMES.values():
        return "index"
    if file.suffix == ".ipynb":
        return f"notebooks/{file.stem}"
    if file.suffix == ".md" and file.parent in (ROOT / "docs", ROOT / "docs" / "zh"):
        return f"docs/{file.stem}"
    if file.suffix == ".md" and file.parent == ROOT and file.stem in OTHERS:
        return file.stem.lower()
    return None


def pages_of(language: str) -> dict[str, Path]:
    """Return the file of each page of a language: the translation, or else the English page."""
    files = [
        *sorted((ROOT / "docs").glob("*.md")),
        *(ROOT / f"{name}.md" for name in OTHERS),
        *sorted(NOTEBOOKS.glob("*.ipynb")),
        *sorted((ROOT / "docs" / language).glob("*.md")),  # the later file of a name replaces the earlier one
        READMES[language],
    ]
    return {name: file for file in files if (name := name_of(file)) is not None}


def sections_of(language: str, names: set[str]) -> list[tuple[str, list[str]]]:
    """Return title and pages of each section of the navigation; each name but the front page's is in one of them."""
    left = names - {"index"}
    sections = []
    for english, chinese, wanted in SECTIONS:
        found = list(dict.fromkeys(name for pattern in wanted for name in sorted(left) if Path(name).match(pattern)))
        left -= set(found)
        sections.append((chinese if language == "zh" else english, found))
    sections[-1][1].extend(sorted(left))
    return [(title, found) for title, found in sections if found]
