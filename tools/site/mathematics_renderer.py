"""A renderer of mathematics for Sphinx: MathML, which needs no script and no network."""

from docutils import nodes

from mathematics import mathml_or_source


def inline(translator, node):
    translator.body.append(mathml_or_source(node.astext(), display=False))
    raise nodes.SkipNode


def block(translator, node):
    # A formula that is too wide scrolls, and so a keyboard has to reach it.
    translator.body.append('<div class="math" tabindex="0" role="group" aria-label="formula">')
    translator.body.append(f"{mathml_or_source(node.astext(), display=True)}</div>")
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
