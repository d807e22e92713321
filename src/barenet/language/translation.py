"""Translate a text of the program when it is shown."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from barenet.language.choice import ENGLISH, chosen_language
from barenet.language.templates import HAN, Template, joined

if TYPE_CHECKING:
    from barenet.language.catalogue import Catalogue  # loaded where the language is not English

__all__ = ["heading", "read", "separator", "translated"]

LONGEST = 2_000  # characters of a text that is translated; the program's texts are shorter
DEEPEST = 6  # values in values
MOST_PARTS = 32  # parts that a text is tried in
EDGE = re.compile(r"([ \t\n,;:|]*(?:- )?)(.*?)([ \t\n,;:|]*)", re.DOTALL)  # entries have none of these at their ends
COLUMNS = " | "  # between parts that are never of one entry
SHORT = 9  # letters of a template that does not begin in another sentence
NEXT = re.compile("[.] [A-Z]")  # from one sentence to the next
SENTENCES = re.compile("[.;:] ")
PARTS = re.compile("[.,;:] ")
NUMBERS = re.compile(r"\d+(, \d+)*( and \d+ more)?|\[[-+.,e\d\[\] ]*\]")  # a list or an array, which is one value
BREAK = re.compile(r"(?<=[.!?])[ \n]|; or |; then |[;:,] |\n|  +| (?=\()")
# What separates parts in Chinese.
BRACKETS = {"zh": "（{}）"}
BARE_BRACKETS = re.compile(rf"(?<={HAN}) \(([^()]*)\)")  # after Chinese
SEPARATORS = {"en": {}, "zh": {".": "。", ",": "，", ";": "；", ":": "：", "; or": "；或", "; then": "；然后"}}


def translated(text: str, language: str | None = None) -> str:
    """Return a text in a language, by default the chosen one; what is not in its catalogue stays English."""
    language = chosen_language() if language is None else language
    if language == ENGLISH or len(text) > LONGEST or not any(c.isalpha() for c in text):
        return text
    return in_language(text, language, 0)


def heading(word: str, language: str | None = None) -> str:
    """Return the heading of a column, which may be one word, in a language."""
    language = chosen_language() if language is None else language
    if language == ENGLISH:
        return word
    return read(language).exact(word, "heading") or translated(word, language)


def fits(template: Template, values: list[str], depth: int) -> bool:
    """Whether values may be those of a template, as far as one can see."""
    if any(value.rstrip().endswith((",", ";", ":")) or value.startswith("= ") for value in values):
        return False  # it would go over the end of a part, or the name of a setting is before it
    if any(re.search("[^a-z]", values[place]) for place in template.left_out):
        return False  # only the ending of a plural may be lost
    if not template.is_label and any(map(NEXT.search, values)):
        return False
    if not template.pieces[0] and template.letters < SHORT and SENTENCES.search(values[0]):
        return False  # it begins in another sentence
    if template.takes_number or (template.is_general and depth == 0):
        return all(map(is_number, values))
    return template.is_label or not (template.is_general and any(map(SENTENCES.search, values)))


def is_sure(template: Template, values: list[str]) -> bool:
    """Whether no value goes over the end of a part, or follows a label."""
    return template.is_label or not any(PARTS.search(value) and not NUMBERS.fullmatch(value) for value in values)


def longest_part(text: str, starts: list[int], ends: list[int], language: str, depth: int) -> tuple[int, str | None]:
    """Return which part is the last of the longest run that is an entry, a sure one if there is any, and its words.

    The whole text is none. If no run is, the first part stands alone, and its words are None.
    """
    unsure: tuple[int, str | None] = (0, None)
    for last in range(len(ends) - 1, -1, -1):
        part = text[starts[0] : ends[last]]
        if part and part != text:
            words, sure = whole(part, language, depth)
            if part.endswith(".") and (not sure or words is None or words.endswith(".")):
                bare, sure = whole(part[:-1], language, depth)
                words = words if bare is None else bare + separator(".", language)
            if words is not None and sure:
                return last, words
            if words is not None and unsure[1] is None:
                unsure = last, words
    return unsure


def is_number(value: str) -> bool:
    """Whether a value is a number, such as 2,000, 1e-05 or 28x28."""
    return re.fullmatch(r"-?[\d.,]+(e[+-]?\d+|(x\d+)+)?", value) is not None


def read(language: str) -> Catalogue:
    """Return the translations of a language; English needs none, and loads none."""
    from barenet.language.catalogue import catalogue_of

    return catalogue_of(language)


@lru_cache(4_096)
def in_language(text: str, language: str, depth: int) -> str:
    """Return a text, or a value `depth` texts deep, in another language."""
    if COLUMNS in text:
        return COLUMNS.join(in_language(part, language, depth + 1) for part in text.split(COLUMNS))
    found = EDGE.fullmatch(text)
    if found is None or not found[2] or depth > DEEPEST:
        return text
    before, core, after = found.groups()
    said, sure = whole(core, language, depth)
    if said is None or not sure:
        ways = [in_parts(core, language, depth), *([] if said is None else [said])]
        said = min(ways, key=lambda way: sum(c.isascii() and c.isalpha() for c in way))  # what is left in English
    return text if said == core else f"{separator(before, language)}{said}{separator(after, language)}"


def separator(characters: str, language: str) -> str:
    """Return what is between parts of a text, as the language writes it."""
    return SEPARATORS[language].get(characters.rstrip(), characters)


def whole(text: str, language: str, depth: int) -> tuple[str | None, bool]:
    """Return the translation of a text that is an entry, or a filled one, None if it is none; and whether it is sure.

    It is not where a value goes over the end of a part: of "a: this is empty", "{0} is empty" is only the second part.
    """
    catalogue = read(language)
    is_word = re.fullmatch(r"[\w.-]+", text) is not None
    said = catalogue.exact(text, "value" if is_word and depth > 0 else "")
    if said is not None or (is_word and depth > 0):  # inside a text it may be a name
        return said, True
    fitting = [
        (template, values)
        for template in (() if is_word else catalogue.candidates(text))
        if (values := template.values_in(text)) is not None and fits(template, values, depth)
    ]
    if fitting:
        sure = [pair for pair in fitting if is_sure(*pair)]
        # A sure one is taken if it is not much less literal than the most literal one.
        template, values = next((pair for pair in sure if 2 * pair[0].letters >= fitting[0][0].letters), fitting[0])
        filled = template.fill([in_language(value, language, depth + 1) for value in values])
        return filled, is_sure(template, values)
    if text[0].isupper() and text[1:2].islower():  # a sentence that was written in small letters
        lowered = whole(text[0].lower() + text[1:], language, depth)
        if lowered[0] is not None:
            return lowered
    if text[0] == "(" and text.find(")") == len(text) - 1:
        inner = in_language(text[1:-1], language, depth + 1)
        return (None if inner == text[1:-1] else BRACKETS[language].format(inner)), True
    return None, False


def in_parts(text: str, language: str, depth: int) -> str:
    """Return a text whose parts are translated: from each place on, the longest part that is an entry."""
    cuts = [*BREAK.finditer(text)][: MOST_PARTS >> depth]
    starts, ends = [0, *(cut.end() for cut in cuts)], [*(cut.start() for cut in cuts), len(text)]
    said, first, found = "", 0, False
    while first < len(starts):
        last, words = longest_part(text, starts[first:], ends[first:], language, depth)
        last += first
        part = text[starts[first] : ends[last]]
        found = found or words is not None
        said = joined(said, part if words is None else words)
        if last < len(cuts):
            said += separator(text[ends[last] : starts[last + 1]], language)
        first = last + 1
    return BARE_BRACKETS.sub(lambda found: BRACKETS[language].format(found[1]), said) if found else text
