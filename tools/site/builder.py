"""The directive `builder`: what a function of `gru_tf.models` builds, tried as the page is made."""

import ast
import inspect
import textwrap

from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

LICENCE = "# From gru_tf {version}, MIT licence."


class Builder(SphinxDirective):
    """Write for what a builder is, its use, the model that it builds, and its source."""

    required_arguments = 1

    def run(self):
        import gru_tf
        from gru_tf import models

        function = getattr(models, self.arguments[0])
        module = inspect.getmodule(function)
        self.env.note_dependency(inspect.getsourcefile(function))
        example = call_in_docstring(function)
        licence = LICENCE.format(version=gru_tf.__version__)
        model = eval(example, {function.__name__: function})
        lines = [
            f".. autofunction:: {module.__name__}.{function.__name__}",
            "   :no-index:",
            "",
            ".. rubric:: Five lines of use",
            "",
            *code_block(use(function.__name__, example, model)),
            ".. rubric:: The model of these lines",
            "",
            *layers(model),
            ".. rubric:: To copy",
            "",
            *code_block(f"{licence}\nimport keras\n\n\n{source(function)}"),
        ]
        # In reStructuredText, as docstrings are, though the page itself is Markdown
        text = ["```{eval-rst}", *lines, "```"]
        node = nodes.container()
        self.state.nested_parse(StringList(text, source=self.get_source_info()[0]), 0, node)
        for signature in node.findall(addnodes.desc_signature):
            signature["module"] = None  # sources link to the page of the package, not to this one
        return node.children


def call_in_docstring(function):
    """Return the expression that builds a model in the first line of a docstring's example."""
    line = next(line for line in inspect.getdoc(function).splitlines() if line.startswith(">>> "))
    return line.removeprefix(">>> model = ")


def use(name, example, model):
    """Return five lines of use, and run them: they print the shape of what comes out."""
    arrays = [
        f"np.zeros({tuple(2 if i == 0 else size or 10 for i, size in enumerate(x.shape))}, "
        f'"{x.dtype}")'
        for x in model.inputs
    ]
    x = arrays[0] if len(arrays) == 1 else f"[{', '.join(arrays)}]"
    call = "[y.shape for y in model(x)]" if len(model.outputs) > 1 else "model(x).shape"
    lines = [
        "import numpy as np",
        f"from gru_tf.models import {name}",
        f"model = {example}",
        f"x = {x}",
        f"print({call})",
    ]
    printed = []
    exec("\n".join(lines), {"print": lambda text: printed.append(str(text))})
    lines[-1] += f"  # {printed[0]}"
    return "\n".join(lines)


def layers(model):
    """Return a table of the model's layers, as reStructuredText."""
    rows = [
        (layer.name, type(layer).__name__, shape(layer), f"{layer.count_params():,}")
        for layer in model.layers
    ]
    rows.append(("all", "", "", f"{model.count_params():,}"))
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in [("layer", "class", "shape of its output", "weights"), *rows]:
        lines += [f"   {'* -' if i == 0 else '  -'} {value}" for i, value in enumerate(row)]
    return [*lines, ""]


def shape(layer):
    outputs = layer.output if isinstance(layer.output, list | tuple) else [layer.output]
    return " and ".join(str(tuple(output.shape)) for output in outputs)


def source(function):
    """Return the source of a function without its docstring."""
    text = textwrap.dedent(inspect.getsource(function))
    first = ast.parse(text).body[0].body[0]
    lines = text.splitlines()
    del lines[first.lineno - 1 : first.end_lineno]
    return "\n".join(lines)


def code_block(text):
    return [".. code-block:: python", "", *(f"   {line}" for line in text.splitlines()), ""]


def setup(app):
    app.add_directive("builder", Builder)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
