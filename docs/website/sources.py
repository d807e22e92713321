"""A source file, or a folder of them, as a page. So the links to the code work without a network."""

from __future__ import annotations

import ast
from pathlib import Path

from website.contents import ROOT

LANGUAGE = {".py": "python", ".js": "javascript", ".toml": "toml", ".html": "html", ".css": "css", ".md": "markdown"}
FRONT = "---\nnosearch: true\norphan: true\n---\n"


def write_sources(wanted: set[Path], folder: Path) -> None:
    """Write a page for each file, and for each folder and its files and folders."""
    waiting, written = sorted(wanted), set()
    while waiting:
        path = waiting.pop()
        if path in written:
            continue
        written.add(path)
        page = folder / f"{path.relative_to(ROOT).as_posix()}.md"
        page.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            entries = entries_of(path)
            waiting.extend(entries)
            page.write_text(FRONT + folder_page(path, entries), encoding="utf-8")
        else:
            page.write_text(FRONT + file_page(path), encoding="utf-8")


def entries_of(folder: Path) -> list[Path]:
    """Return the folders and the files of text in a folder, without what programs leave there."""
    entries = sorted(folder.iterdir(), key=lambda path: (path.is_file(), path.name))
    return [path for path in entries if path.suffix in LANGUAGE or (path.is_dir() and path.name[0] not in "_.")]


def file_page(path: Path) -> str:
    """Return the page of a file: its lines, with numbers."""
    language = LANGUAGE.get(path.suffix, "text")
    return f"# {title(path)}\n\n``````{{code-block}} {language}\n:linenos:\n\n{path.read_text('utf-8')}``````\n"


def folder_page(path: Path, entries: list[Path]) -> str:
    """Return the page of a folder: what it says of itself, and a link to each file with the first sentence of it."""
    rows = [f"- [`{entry.name}`]({path.name}/{entry.name}.md){about(entry)}" for entry in entries]
    return "\n".join([f"# {title(path)}", "", *rows, ""])


def title(path: Path) -> str:
    """Return the path in the repository as a heading."""
    return f"`{path.relative_to(ROOT).as_posix()}`"


def about(path: Path) -> str:
    """Return the first line of a module's or a package's docstring, "" if it has none."""
    module = path / "__init__.py" if path.is_dir() else path
    if module.suffix != ".py" or not module.exists():
        return ""
    text = ast.get_docstring(ast.parse(module.read_text("utf-8")))
    return f": {text.splitlines()[0]}" if text else ""
