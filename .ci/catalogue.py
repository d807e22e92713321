"""Keep the catalogue of translations in step with the source, and compile it.

    python .ci/catalogue.py update            new texts get an empty translation, those that are gone are removed
    python .ci/catalogue.py merge FILE...     takes the translations in files, .po as well
    python .ci/catalogue.py check [FILE]      says what is wrong with the translations
    python .ci/catalogue.py split N FOLDER    writes what is not translated into N files, for several translators

barenet.po is for people; update and merge also write barenet.mo, which barenet reads.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

SOURCE = Path(__file__).parents[1] / "src" / "barenet"
sys.path[:0] = [str(Path(__file__).parent), str(SOURCE.parent)]
from extraction import EDGE, Entry, find_entries  # noqa: E402

FOLDER = SOURCE / "language" / "zh"
HEADER = "# Chinese translations of the texts of barenet. .ci/catalogue.py writes the entries; people write the msgstr."


class PlainCatalogue(Catalog):
    """A catalogue whose header has no dates and versions, so the same entries give the same bytes."""

    mime_headers = [("Language", "zh"), ("Content-Type", "text/plain; charset=utf-8")]  # noqa: RUF012


def read(path: Path) -> Catalog:
    """Return the catalogue in a file."""
    with path.open("rb") as file:
        return read_po(file, locale="zh", abort_invalid=True)


def key_of(message: Message) -> tuple[str | None, str, str]:
    """Return what makes an entry another one: context, text and plural."""
    texts = message.id if isinstance(message.id, tuple) else (message.id, "")
    return message.context, texts[0], texts[1]


def made_from(entries: Iterable[Entry], translations: dict[tuple[str | None, str, str], str]) -> Catalog:
    """Return a catalogue of these entries, with the translations that are known."""
    catalogue = PlainCatalogue(locale="zh", header_comment=HEADER, fuzzy=False)
    for entry in entries:
        said = translations.get((entry.context or None, entry.text, entry.plural), "")
        catalogue.add(
            (entry.text, entry.plural) if entry.plural else entry.text,
            (said,) if entry.plural else said,
            locations=[(entry.file, None)],
            context=entry.context or None,
        )
    return catalogue


def translations_in(catalogue: Catalog) -> dict[tuple[str | None, str, str], str]:
    """Return the translations of a catalogue by their entries; one of a noun holds for both of its numbers."""
    said = {key_of(m): m.string if isinstance(m.string, str) else m.string[0] for m in catalogue if m.id}
    return {(context, text.strip(EDGE), plural): words for (context, text, plural), words in said.items()}


def po_of(catalogue: Catalog) -> bytes:
    """Return a catalogue as people read it: by file, without numbers of lines, which would change often."""
    file = io.BytesIO()
    write_po(file, catalogue, width=120, include_lineno=False)
    return re.sub(rb"#, .*\n", b"", file.getvalue())  # flags, which each version of Babel guesses in its way


def mo_of(catalogue: Catalog) -> bytes:
    """Return a catalogue as barenet reads it: a noun is an entry for one and another for several."""
    plain = PlainCatalogue(locale="zh", fuzzy=False)
    for (context, text, plural), said in translations_in(catalogue).items():
        for form in filter(None, (text, plural)):
            plain.add(form, said, context="count" if plural else context)
    file = io.BytesIO()
    write_mo(file, plain)
    return file.getvalue()


HAN = r"[\u3400-\u9fff]"
MARK = "[、。！（），：；？]"


def faults_of(catalogue: Catalog) -> list[str]:
    """Return what is wrong with the translations of a catalogue."""
    found = []
    for (_, text, _), said in translations_in(catalogue).items():
        places, filled = sorted(re.findall(r"{\d+}", text)), sorted(re.findall(r"{\d+}", said))
        endings = re.findall(r"(?<=[a-z])({\d+})", text)  # of English plurals
        faults = {
            "has no translation": not said,
            f"needs the places {places}": not set(places) - set(endings) <= set(filled) <= set(places),
            "has a place twice": len(filled) > len(set(filled)),
            "has half-width punctuation after Chinese": re.search(rf"{HAN}[,;:!?.](?![A-Za-z0-9.])", said),
            "has a space beside full-width punctuation": re.search(f" {MARK}|{MARK} ", said),
            "has no space between Chinese and Latin": re.search(f"{HAN}[A-Za-z0-9]|[A-Za-z0-9]{HAN}", said),
            "has a separator at an end": said != said.strip(EDGE + "，；：、"),
        }
        found += [
            f"{text!r} {fault}: {said!r}"
            for fault, is_there in faults.items()
            if is_there and (said or "no t" in fault)
        ]
    return found


def save(catalogue: Catalog, folder: Path = FOLDER) -> None:
    """Write both files of a catalogue."""
    (folder / "barenet.po").write_bytes(po_of(catalogue))
    (folder / "barenet.mo").write_bytes(mo_of(catalogue))


def known() -> dict[tuple[str | None, str, str], str]:
    """Return the translations in barenet.po."""
    path = FOLDER / "barenet.po"
    return translations_in(read(path)) if path.exists() else {}


def update() -> None:
    """Take the entries from the source, and keep the translations."""
    save(made_from(find_entries(SOURCE), known()))


def merge(files: Iterable[str]) -> None:
    """Take translations from files; those that are empty change nothing."""
    translations = known()
    for file in files:
        translations |= {key: said for key, said in translations_in(read(Path(file))).items() if said}
    save(made_from(find_entries(SOURCE), translations))


def split(n: int, folder: Path) -> None:
    """Write the entries without a translation into `n` files of about one size; those of a module stay together."""
    translations = known()
    first: dict[tuple[str | None, str, str], Entry] = {}
    for entry in find_entries(SOURCE):
        first.setdefault((entry.context or None, entry.text, entry.plural), entry)
    todo = [entry for key, entry in first.items() if not translations.get(key)]
    parts: list[list[Entry]] = [[]]
    for i, entry in enumerate(todo):
        if len(parts) < n and len(parts[-1]) >= len(todo) / n and entry.file != todo[i - 1].file:
            parts.append([])
        parts[-1].append(entry)
    folder.mkdir(parents=True, exist_ok=True)
    for number, part in enumerate(parts, start=1):
        (folder / f"part{number}.po").write_bytes(po_of(made_from(part, {})))


def main(command: str = "", *arguments: str) -> None:
    """Run a command."""
    if command == "merge":
        merge(arguments)
    elif command == "check":
        faults = faults_of(read(Path(arguments[0]) if arguments else FOLDER / "barenet.po"))
        print("\n".join(faults) or "no faults")
    elif command == "split":
        split(int(arguments[0]), Path(arguments[1]))
    elif command == "update":
        update()
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
