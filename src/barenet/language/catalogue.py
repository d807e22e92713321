"""The translations of a language: found by the whole text, or by the words of a template."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from gettext import GNUTranslations
from pathlib import Path

from barenet.language.templates import PLACE, Template

__all__ = ["Catalogue", "catalogue_of"]

CONTEXT = "\x04"  # gettext writes "context\x04text"


class Catalogue:
    """Translations by their texts, and templates by their longest words."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = {text: said for text, said in texts.items() if text and said}
        self.by_word: dict[str, list[Template]] = defaultdict(list)
        for key, said in self.texts.items():
            context, _, text = key.rpartition(CONTEXT)
            if PLACE.search(text) and context in ("", "count"):
                template = Template(text, said, takes_number=context == "count")
                self.by_word[template.key].append(template)

    def exact(self, text: str, context: str = "") -> str | None:
        """Return the translation of a text without places; None if there is none."""
        text = text.replace("{", "{{").replace("}", "}}")
        said = self.texts.get(f"{context}{CONTEXT}{text}" if context else text)
        return None if said is None else said.replace("{{", "{").replace("}}", "}")

    def template(self, text: str) -> str | None:
        """Return the translation of a template as it is written, with its places; None if there is none."""
        keys = (text, f"heading{CONTEXT}{text}", f"count{CONTEXT}{text}")
        return next((self.texts[key] for key in keys if key in self.texts), None)

    def candidates(self, text: str) -> list[Template]:
        """Return the templates that `text` may be made of, the most literal ones first.

        Where the text begins with a label, such as "note: ", those that begin with a value come last: it is no value.
        """
        words = {"", *re.findall("[A-Za-z]+", text)}
        found = [template for word in words for template in self.by_word.get(word, ())]
        labelled = any(template.is_label and text.startswith(template.pieces[0]) for template in found)
        return sorted(found, key=lambda t: (labelled and not t.pieces[0], *t.rank))


@cache
def catalogue_of(language: str) -> Catalogue:
    """Return the translations of a language, which are read once."""
    with (Path(__file__).parent / language / "barenet.mo").open("rb") as file:
        translations = GNUTranslations(file)
    # gettext gives no list of its texts; this dictionary has held them since Python 2.
    return Catalogue(translations._catalog)  # type: ignore[attr-defined]
