"""The words by which a page is found. English words lose their endings; Chinese is cut into pairs of characters.

Chinese has no spaces. A program that cuts it into words may cut a page and a search in different places, and then finds
nothing. Pairs of neighbouring characters are the same everywhere: 反向传播 is 反向, 向传, 传播. A page that has all
three is found.
"""

from __future__ import annotations

import re

from sphinx.search.en import SearchEnglish

CHINESE = "\u3400-\u9fff"
PIECE = re.compile(rf"[{CHINESE}]+|(?:(?![{CHINESE}])\w)+")

# The same in the browser, for what is typed. There a single character stays one, and is a word in the index, too.
SPLIT_QUERY = r"""
var splitQuery = (query) => {
  const pieces = query.match(/[\u3400-\u9fff]+|(?:(?![\u3400-\u9fff])[\p{Letter}\p{Number}_])+/gu) || [];
  return pieces.flatMap((piece) => {
    if (!/[\u3400-\u9fff]/.test(piece) || piece.length === 1) return [piece];
    return Array.from({ length: piece.length - 1 }, (_, start) => piece.slice(start, start + 2));
  });
};
"""


def words_of(text: str) -> list[str]:
    """Return the words of a text.

    >>> words_of("SGD 的动量")
    ['SGD', '的', '动', '量', '的动', '动量']
    """
    words = []
    for piece in PIECE.findall(text):
        if re.match(rf"[{CHINESE}]", piece):
            words += [*piece, *(piece[start : start + 2] for start in range(len(piece) - 1))]
        else:
            words.append(piece)
    return words


class EnglishAndChinese(SearchEnglish):
    """What Sphinx needs to write the index of a site whose pages are in English or Chinese."""

    lang = "en"
    js_splitter_code = SPLIT_QUERY

    def split(self, text: str) -> list[str]:
        """Return the words of a text."""
        return words_of(text)
