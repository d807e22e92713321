"""A document as LaTeX, with its figures as files beside it: `article`, or `ctexart` where there are Chinese letters."""

from __future__ import annotations

import re
from importlib.resources import files

from barenet.documents.blocks import Code, Document, Figure, Heading, Note, Paragraph, Table, numbered
from barenet.documents.words import Words
from barenet.documents.writers.texts import name_figures, with_code

__all__ = ["as_latex", "escape"]

SPECIAL = {
    "\\": r"\textbackslash{}",
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "-": "{-}",  # two of them would become a dash
    "[": "{[}",  # after \\ or a rule of a table, they would be an argument
    "*": "{*}",
    "–": "--",
    "−": "$-$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "½": r"$\frac12$",
    "…": r"\ldots{}",
    "“": "``",
    "”": "''",
    "\u00a0": "~",
}
CJK = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")


def as_latex(document: Document, words: Words) -> str:
    """Return the document as LaTeX; figures are looked for in figures/."""
    names = name_figures(document.blocks)
    parts = []
    for place, (block, _) in enumerate(numbered(document.blocks)):
        if isinstance(block, Heading):
            parts.append(f"\\{'section' if block.level == 1 else 'subsection'}{{{text(words(block.text))}}}")
        elif isinstance(block, Paragraph):
            parts.append(words.together(block.sentences, text))
        elif isinstance(block, Note):
            parts.append(f"\\begin{{quote}}\n{words.together(block.sentences, text)}\n\\end{{quote}}")
        elif isinstance(block, Code):
            lines = "\\\\\n".join(code(line) for line in block.lines)
            parts.append(f"\\begin{{quote}}\n\\small\\raggedright\n{lines}\n\\end{{quote}}")
        elif isinstance(block, Figure):
            parts.append(
                f"\\begin{{figure}}[H]\n\\centering\n"
                f"\\includegraphics[width={block.width:.2f}\\linewidth]{{figures/{names[place]}}}\n"
                f"\\caption{{{words.together(block.caption, text)}}}\n\\end{{figure}}"
            )
        else:
            parts.append(table_of(block, words))
    body = "\n\n".join(parts)
    title, author = text(words(document.title)), text(document.author)
    is_chinese = words.language == "zh"
    has_cjk = is_chinese or CJK.search(body + title + author)
    kind = "chinese" if is_chinese else "mixed" if has_cjk else "english"
    first = (files("barenet.documents.writers") / f"{kind}.tex").read_text("utf-8")
    rest = (files("barenet.documents.writers") / "preamble.tex").read_text("utf-8")
    names_of = f"\\title{{{title}}}\n\\author{{{author}}}\n\\date{{}}"
    return f"{first}{rest}{names_of}\n\\begin{{document}}\n\\maketitle\n\n{body}\n\n\\end{{document}}\n"


def table_of(table: Table, words: Words) -> str:
    """Return a table that becomes smaller where it is wider than the text."""
    rows = [" & ".join(text(words(cell)) for cell in row) + r" \\" for row in table.rows]
    if table.total:
        rows.insert(-1, r"\midrule")
    header = " & ".join(text(words(cell)) for cell in table.header) + r" \\"
    caption = words.together(table.caption, text)
    lines = "\n".join([r"\toprule", header, r"\midrule", *rows, r"\bottomrule"])
    begin = f"\\begin{{table}}[H]\n\\centering\\small\n\\caption{{{caption}}}"
    inner = f"\\begin{{tabular}}{{{table.columns}}}\n{lines}\n\\end{{tabular}}"
    fitted = "\\begin{adjustbox}{max width=\\linewidth}\n" + inner + "\n\\end{adjustbox}"
    return f"{begin}\n{fitted}\n\\end{{table}}"


def text(words: str) -> str:
    """Return a text in one line as LaTeX, with code between backticks."""
    return with_code(" ".join(words.split()), escape, code)


def escape(words: str) -> str:
    r"""Return a text in which no character is a command.

    >>> escape("50 % of a_b & {c}")
    '50 \\% of a\\_b \\& \\{c\\}'
    """
    return "".join(SPECIAL.get(c, c) for c in words)


def code(words: str) -> str:
    """Return a piece of code; long paths may be broken after a slash."""
    broken = escape(words).replace("/", r"/\allowbreak{}")
    return f"\\texttt{{{broken}}}"
