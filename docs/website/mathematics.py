"""Formulas as MathML, which browsers draw themselves: without a script, a font or a network."""

from __future__ import annotations

import re

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.writers.html5 import HTML5Translator

SPACE = '<mspace width="0.17em"/>'


def mathml(formula: str, *, as_block: bool) -> str:
    """Return a formula as MathML, with a small space before and after `log` and the like, as TeX has it."""
    text = tex2mathml(formula, as_block=as_block)
    return re.sub(r"(<mi>\w+</mi>)\s*<mo>&ApplyFunction;</mo>", rf"{SPACE}\1{SPACE}", text)


def inline(translator: HTML5Translator, node: nodes.Element) -> None:
    """Write a formula in a sentence."""
    translator.body.append(mathml(node.astext(), as_block=False))
    raise nodes.SkipNode


def block(translator: HTML5Translator, node: nodes.Element) -> None:
    """Write a formula that stands alone."""
    translator.body.append(f'<div class="formula">{mathml(node.astext(), as_block=True)}</div>')
    raise nodes.SkipNode
