"""Write a document in one of four forms; what barenet did not write is never overwritten."""

from __future__ import annotations

import re
from pathlib import Path

from barenet.documents.blocks import Document, Figure
from barenet.documents.words import Words
from barenet.documents.writers.browser import as_pdf, find_browser
from barenet.documents.writers.html import as_html
from barenet.documents.writers.latex import as_latex
from barenet.documents.writers.markdown import as_markdown
from barenet.documents.writers.texts import is_ours, marked, name_figures
from barenet.errors import ConfigError, MachineError
from barenet.storage.files import check_folder_name, check_no_link, make_folder, replace_file, with_ending

__all__ = ["FORMS", "check_target", "default_target", "write_document"]

FORMS = ("html", "md", "latex", "pdf")
REPORT = {"md": "report.md", "latex": "report.tex"}
COMMENT = {"html": (b"<!-- ", b" -->"), "md": (b"<!-- ", b" -->"), "latex": (b"% ", b""), "pdf": (b"% ", b"")}
STEM = "hand-in"
FIGURE = re.compile(rb"figures/([a-z0-9-]+\.png)")


def default_target(folder: Path, to: str) -> Path:
    """Return where a document goes if nobody says: hand-in.pdf, or the folder hand-in-latex."""
    return folder / (f"{STEM}-{to}" if to in REPORT else f"{STEM}.{to}")


def check_target(output: str | Path | None, folder: Path, to: str) -> Path:
    """Return the file or folder to write; raise ConfigError for one that is something else, or that was changed."""
    if to in REPORT:
        target = default_target(folder, to) if output is None else Path(output)
        check_folder_name(target, "report and figures")
        if target.exists() and not target.is_dir():
            raise ConfigError(f"{target} is a file: --to {to} writes a folder; choose another --output")
        check_no_link(target, ", or choose another --output")
        report = target / REPORT[to]
        known = [target / name for name in REPORT.values()]
        if target.is_dir() and any(target.iterdir()) and not any(is_ours(path)[0] for path in known):
            raise ConfigError(f"{target} holds other files: choose another --output, or an empty folder")
        check_file(report)
        return target
    target = default_target(folder, to)
    if output is not None:
        what = "a PDF" if to == "pdf" else "an HTML page"
        target = with_ending(output, what, [".pdf"] if to == "pdf" else [".html", ".htm"])
    check_file(target)
    return target


def check_file(path: Path) -> None:
    """Raise ConfigError for a file that barenet did not write as a report, or that a person has changed since."""
    if path.is_dir():
        raise ConfigError(f"{path} is a folder: choose another --output")
    if not path.exists():
        return
    written, is_same = is_ours(path)
    if not written:
        raise ConfigError(f"{path} is there already, and was not written by this command: choose another --output")
    if not is_same:
        raise ConfigError(f"{path} was changed after barenet wrote it: choose another --output, or remove it")


def write_document(document: Document, to: str, target: Path) -> list[Path]:
    """Write a document and return its files, the report first; `target` was checked before.

    Everything is made before anything is written. Raises MachineError: the disk, or no browser for a PDF.
    """
    words = Words(document.language)
    if to in REPORT:
        return write_folder(document, to, target, words)
    page = as_html(document, words)
    make_folder(target.parent)
    if to == "html":
        replace_file(target, marked(page.encode(), COMMENT[to]))
        return [target]
    program = find_browser()
    try:
        content = as_pdf(page, program, target.parent)
    except OSError as error:
        if isinstance(error, MachineError):
            raise
        raise MachineError(f"cannot write {target}: {error.strerror}") from None
    replace_file(target, marked(content, COMMENT[to]))
    return [target]


def write_folder(document: Document, to: str, target: Path, words: Words) -> list[Path]:
    """Write report and figures; figures of an earlier report that are not in this one are removed."""
    text = as_markdown(document, words) if to == "md" else as_latex(document, words)
    report, names = target / REPORT[to], name_figures(document.blocks)
    figures = {names[i]: block.png for i, block in enumerate(document.blocks) if isinstance(block, Figure)}
    others = [path for path in (target / name for name in REPORT.values()) if path != report and path.exists()]
    kept = {*figures, *(name for path in others for name in figures_in(path))}
    before = figures_in(report)
    make_folder(target / "figures")
    # The report first: by its mark, a folder whose writing was interrupted can be written again.
    replace_file(report, marked(text.encode(), COMMENT[to]))
    for name, content in figures.items():
        replace_file(target / "figures" / name, content)
    for name in before - kept:
        (target / "figures" / name).unlink(missing_ok=True)
    return [report, *(target / "figures" / name for name in figures)]


def figures_in(report: Path) -> set[str]:
    """Return the names of the figures in a report that is there already."""
    return {name.decode() for name in FIGURE.findall(report.read_bytes())} if report.exists() else set()
