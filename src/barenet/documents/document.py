"""`write_report`: a report to hand in about runs, studies and homework, in English or Chinese."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from barenet.analysis.images import Source
from barenet.documents.blocks import Block, Document, Heading, Note
from barenet.documents.inputs.given import Given, recognise_all
from barenet.documents.inputs.homework import HomeworkFiles, read_homework
from barenet.documents.inputs.runs import read_run
from barenet.documents.inputs.searches import SearchRecord, read_study
from barenet.documents.inputs.work import DataFacts, Work
from barenet.documents.parts.comparison import comparison_blocks
from barenet.documents.parts.data import data_blocks, network_blocks
from barenet.documents.parts.repeating import repeat_blocks
from barenet.documents.parts.results import result_blocks
from barenet.documents.parts.search import search_blocks
from barenet.documents.parts.training import curve_blocks, settings_blocks
from barenet.documents.parts.weights import weight_blocks
from barenet.documents.words import Name, Words
from barenet.documents.writers.browser import find_browser
from barenet.documents.writers.fonts import note_missing_fonts
from barenet.documents.writers.writing import FORMS, check_target, write_document
from barenet.errors import ConfigError, RunError, nearest
from barenet.language.choice import language_named
from barenet.messages import as_typed
from barenet.nn import Activation, Loss
from barenet.notes import logger
from barenet.run_folders.finding import STUDY, Named

__all__ = ["write_report"]

MOST_WHOLE = 2  # with more networks, tables of what figures show are left out


def write_report(
    *named: Named,
    to: str,
    language: str = "en",
    output: str | Path | None = None,
    dataset: Source | None = None,
    activation: str | Sequence[str] = (),
    activations: Sequence[Activation] = (),
    loss: Loss | None = None,
    author: str = "",
) -> list[Path]:
    """Write a report about runs, studies and homework, and return its files, the report first.

    Args and errors: see `barenet.report`.
    """
    if to not in FORMS:
        raise ConfigError(f"unknown format {to!r}; {nearest(to, FORMS)}")
    language, author = language_named(language, "language"), " ".join(author.split())
    given = recognise_all(named)
    target = check_target(output, place_of(given), to)
    if to == "pdf":
        find_browser()
    chosen = [activation] if isinstance(activation, str) else list(activation)
    works, searches = read_all(given, dataset, chosen, activations, loss)
    note_missing_fonts(language, to)
    flags: dict[str, str | Path] = {
        "to": to,
        "language": language,  # else that of the reader's system decides
        "activation": ",".join(chosen),
    }
    flags |= {"data": dataset if isinstance(dataset, str | Path) else "", "author": author, "output": output or ""}
    typed = [f"--{name} {as_typed(value)}" for name, value in flags.items() if value]
    command = " ".join(["barenet report", *map(as_typed, paths_of(given)), *typed])
    words = Words(language)
    blocks = blocks_of(works, searches, words)
    blocks += repeat_blocks(works, searches, files_of(given), command)
    for work in works:
        for sentence in work.notes:
            logger.info(sentence)
    return write_document(Document(title_of(works, searches), language, blocks, author), to, target)


def place_of(given: Sequence[Given]) -> Path:
    """Return the folder in which a document goes: that of the only run, study or homework, else beside the first."""
    first = given[0].place if isinstance(given[0], HomeworkFiles) else given[0]
    if first.is_dir() and len(given) == 1:
        return first
    return first.parent


def paths_of(given: Sequence[Given]) -> list[Path]:
    """Return the arguments as a person types them again."""
    found: list[Path] = []
    for one in given:
        found += [one] if isinstance(one, Path) else [one.place] if one.place.is_dir() else one.files
    return found


def files_of(given: Sequence[Given]) -> list[Path]:
    """Return the files of homework."""
    return [path for one in given if isinstance(one, HomeworkFiles) for path in one.files]


def read_all(
    given: Sequence[Given],
    dataset: Source | None,
    activation: Sequence[str],
    activations: Sequence[Activation],
    loss: Loss | None,
) -> tuple[list[Work], list[SearchRecord]]:
    """Return the networks and the searches; a study alone also stands for its best run."""
    works, searches = [], []
    resolved = [one.resolve() for one in given if isinstance(one, Path)]
    if len(set(resolved)) < len(resolved):
        raise RunError("a run is named twice; name each once")
    for one in given:
        if isinstance(one, HomeworkFiles):
            work, search = read_homework(one, dataset, activation)
            if one.weights or one.history is not None:
                works.append(work)
            searches += [search] if search is not None else []
        elif (one / STUDY).exists():
            searches.append(read_study(one))
        else:
            works.append(read_run(one, dataset, activations, loss))
    if activation and not any(isinstance(one, HomeworkFiles) and one.weights for one in given):
        raise ConfigError("--activation is for weights of other programs, and none were given")
    if not works:
        best = [search.best_run for search in searches if search.best_run is not None]
        works = [read_run(path, dataset, activations, loss) for path in best]
    names = [work.name for work in works]
    works = [replace(w, name=str(w.path)) if names.count(w.name) > 1 else w for w in works]
    return works, searches


def title_of(works: Sequence[Work], searches: Sequence[SearchRecord]) -> str:
    """Return the title of a document."""
    for work in works:
        if work.data is not None and work.data.name:
            return f"Classifying {work.data.name} with a multi-layer perceptron"
    return "Training of a multi-layer perceptron" if works else "A search for hyper-parameters"


def blocks_of(works: Sequence[Work], searches: Sequence[SearchRecord], words: Words) -> list[Block]:
    """Return all parts of a document but the last."""
    blocks: list[Block] = []
    described: dict[str, tuple[DataFacts, tuple[int, ...] | None]] = {}
    for work in works:  # of networks with the same data, the one that knows most parts describes them
        facts = work.data
        if facts is not None:
            known = described.get(facts.fingerprint)
            if known is None or len(known[0].counts) < len(facts.counts):
                described[facts.fingerprint] = facts, work.picture_shape
    for facts, shape in described.values():
        blocks += data_blocks(facts, shape, words)
    for work in works:
        found = work_blocks(work, words, is_brief=len(works) > MOST_WHOLE)
        if len(works) > 1:
            lowered = [replace(block, level=2) if isinstance(block, Heading) else block for block in found]
            found = [Heading(Name(work.name)), *lowered]
        blocks += found
    if len(works) > 1:
        blocks += comparison_blocks(works, words)
    for search in searches:
        blocks += search_blocks(search, words)
    if not searches and works:
        blocks.append(Heading("Hyper-parameter search"))
        text = "This report has no search: name a study too, which `barenet search` writes."
        blocks.append(Note((text,)))
    return blocks


def work_blocks(work: Work, words: Words, *, is_brief: bool) -> list[Block]:
    """Return the parts about one network."""
    blocks: list[Block] = network_blocks(work) if work.mlp is not None else []
    if work.notes:
        blocks.append(Note(tuple(sentence_of(note) for note in work.notes)))
    blocks += settings_blocks(work)
    blocks += curve_blocks(work, words, is_brief=is_brief)
    blocks += result_blocks(work, words, is_brief=is_brief)
    return [*blocks, *weight_blocks(work, words)]


def sentence_of(note: str) -> str:
    """Return a note as a sentence."""
    return f"Note: {note}."
