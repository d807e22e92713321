"""A template, such as "epoch {0} of {1}", and the values that a filled text has in its places."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

__all__ = ["HAN", "PLACE", "Template", "joined"]

PLACE = re.compile(r"{\d+}")
HAN = "[\u3400-\u9fff]"
FULL_WIDTH = re.compile("[\u3001\u3002\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f]")


@dataclass(frozen=True)
class Template:
    """A template in English and its translation; `{{` and `}}` stand for braces.

    takes_number: whether its value is a number, as that of "{0} images".
    """

    text: str
    translation: str
    takes_number: bool = False

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """Return the literal pieces before, between and after the places."""
        return tuple(piece.replace("{{", "{").replace("}}", "}") for piece in PLACE.split(self.text))

    @cached_property
    def rank(self) -> tuple[int, int, str]:
        """Return what sorts templates by how much is literal: most letters first, then most characters."""
        literal = "".join(self.pieces)
        return -sum(map(str.isalpha, literal)), -len(literal), self.text

    @cached_property
    def left_out(self) -> list[int]:
        """Return the places that the translation lacks, such as that of the ending in "core{0}"."""
        return [i for i in range(len(self.pieces) - 1) if f"{{{i}}}" not in self.translation]

    @property
    def letters(self) -> int:
        """Return how many letters are literal."""
        return -self.rank[0]

    @property
    def is_general(self) -> bool:
        """Whether so little is literal that many other texts fit as well: "{0} is {1}"."""
        first = self.pieces[0]
        is_remark = re.search(r"\([a-z]+\)$", self.text) is not None  # as in "{0} (log)"
        return not is_remark and self.letters < (3 if first.endswith(": ") else 4 if first else 6)

    @property
    def is_label(self) -> bool:
        """Whether a value follows a label: "note: {0}"."""
        return re.fullmatch(r"[a-z ]+: ", self.pieces[0]) is not None and self.pieces[1:] == ("",)

    @property
    def key(self) -> str:
        """Return the longest word that each filled text has as a whole, "" if there is none."""
        last = len(self.pieces) - 1
        words = [
            found.group()
            for i, piece in enumerate(self.pieces)
            for found in re.finditer("[A-Za-z]+", piece)
            if (found.start() > 0 or i == 0) and (found.end() < len(piece) or i == last)
        ]
        return max(words, key=len, default="")

    def values_in(self, text: str) -> list[str] | None:
        """Return the values that fill this template to give `text`; None if none do.

        Each piece is looked for behind the one before, so the time is linear in the length of the text.
        """
        first, *middle, last = self.pieces if len(self.pieces) > 1 else (*self.pieces, "")
        final = middle[-1] if middle else first
        if (
            len(self.pieces) > 1
            and not last
            and final.endswith(" ")
            and final.strip()
            and text.endswith(final.rstrip())
        ):
            text += " "  # the last value is empty, and the space before it was cut off
        end = len(text) - len(last)
        if not (text.startswith(first) and text.endswith(last) and end >= len(first)):
            return None
        values: list[str] = []
        start = len(first)
        for piece in middle:
            at = text.find(piece, start, end)
            if at < 0:
                return None
            values.append(text[start:at])
            start = at + len(piece)
        values = [*values, text[start:end]] if len(self.pieces) > 1 else []
        return values if values or text == first else None

    def fill(self, values: list[str]) -> str:
        """Return the translation with values in its places, and a space only where Chinese meets other letters."""
        filled = ""
        for part in re.split(r"({\d+}|{{|}})", self.translation):
            is_place = PLACE.fullmatch(part) is not None
            filled = joined(filled, values[int(part[1:-1])] if is_place else part[:1] if part in ("{{", "}}") else part)
        return filled.strip(" ")  # the value at an end may be empty


def joined(before: str, after: str) -> str:
    """Return two parts of a text in one.

    >>> joined("训练 ", "两次"), joined("训练", "3"), joined("提示： ", "好")
    ('训练两次', '训练 3', '提示：好')
    """
    left, right = before.rstrip(" "), after.lstrip(" ")
    if not left or not right:
        return before + after
    spaced = f"{left[-1]} {right[0]}"
    if FULL_WIDTH.match(left[-1]) or FULL_WIDTH.match(right[0]) or re.fullmatch(f"{HAN} {HAN}", spaced):
        return left + right
    return left + " " + right if re.fullmatch(f"{HAN} \\w|\\w {HAN}", spaced) else before + after
