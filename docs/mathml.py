"""Writes formulas as MathML when the pages are built: no script, no network."""

import re

from docutils import nodes
from latex2mathml.converter import convert

ROMAN_LETTER = re.compile(r"\\mathrm\{(\w)\}")  # MathML sets single letters of <mi> in italics


def mathml(source, display):
    """Return a formula in LaTeX as one element of MathML."""
    return convert(ROMAN_LETTER.sub(r"\\text{\1}", source), display=display)


def visit_inline(translator, node):
    """Write a formula inside a sentence."""
    translator.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def visit_block(translator, node):
    """Write a formula on lines of its own."""
    opening = translator.starttag(node, "div", CLASS="math-block")
    translator.body.append(opening + mathml(node.astext(), "block") + "</div>\n")
    raise nodes.SkipNode


def setup(app):
    """Register the renderer with Sphinx."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
