"""TeX to MathML, which browsers draw by themselves: without a script, a font or a network."""

from html import escape

from markdown_it import MarkdownIt
from math_core import LatexError, LatexToMathML
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

MATH_TOKENS = ("math_inline", "math_inline_double", "math_block", "math_block_label", "amsmath")


def mathml(tex, display):
    """Return `tex` as MathML.

    Raises:
        LatexError: If the converter does not know a command, or the TeX is not whole.
    """
    converter = LatexToMathML(fancy_error=False)
    return converter.convert_with_local_state(tex, displaystyle=display)


def mathml_or_source(tex, display):
    """Return `tex` as MathML, or as it stands where the converter does not know it."""
    try:
        return mathml(tex, display)
    except LatexError:
        return f'<code class="tex">{escape(tex)}</code>'


def not_drawn(markdown):
    """Return the pieces of TeX in a text in Markdown that can't be drawn."""
    parser = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin).use(amsmath_plugin)
    found = []
    for block in parser.parse(markdown):
        for token in [block, *(block.children or [])]:
            if token.type in MATH_TOKENS:
                try:
                    mathml(token.content.strip(), display=True)
                except LatexError:
                    found.append(token.content.strip())
    return found
