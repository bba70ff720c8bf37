"""What a figure is called where it can't be seen: its alternative text.

It is read off the code that draws it: titles, then the names of the axes. Where the code
does not tell, the cell's metadata can have an `alt`.
"""

import ast
import re

from IPython.core.inputtransformer2 import TransformerManager

AXES = {"xlabel": "x", "ylabel": "y", "set_xlabel": "x", "set_ylabel": "y"}
TITLES = {"title", "suptitle", "set_title"}


def alternative(cell, heading=""):
    """Return the alternative text of the figures that a code cell draws, or an empty string.

    Args:
        cell: A code cell of nbformat.
        heading: The heading that it stands under.

    Returns:
        The cell's metadata `alt`, if it has one. Else the titles in its code, each once, and
        the names of the axes. Where there is no title, the heading, and the texts that a function
        `plot_...` is given.
    """
    if cell.metadata.get("alt"):
        return cell.metadata["alt"]
    tree = ast.parse(TransformerManager().transform_cell(cell.source))
    titles, axes = [], []
    for node in ast.walk(tree):
        for name, value in named_values(node):
            for text in texts(value, tree):
                if name in TITLES:
                    titles.append(text)
                elif name in AXES:
                    axes.append(f"{AXES[name]}: {text}")
    titles = titles or [heading, *given_to_a_plot(tree)]
    parts = [*dict.fromkeys(titles), ", ".join(dict.fromkeys(axes))]
    return ". ".join(part for part in parts if part)


def described(notebook):
    """Yield each code cell of a notebook that stores a figure, with its alternative text."""
    heading = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            heading = (re.findall(r"^#+ (.+)$", cell.source, re.MULTILINE) or [heading])[-1]
        elif cell.cell_type == "code" and any(
            kind.startswith("image/") for output in cell.outputs for kind in output.get("data", {})
        ):
            yield cell, alternative(cell, heading)


def named_values(node):
    """Yield what a call names by keyword or by method, and a dict by key."""
    match node:
        case ast.Call(func=called, args=arguments, keywords=keywords):
            yield from ((keyword.arg, keyword.value) for keyword in keywords)
            if isinstance(called, ast.Attribute) and called.attr in TITLES | set(AXES):
                yield from ((called.attr, argument) for argument in arguments[:1])
        case ast.Dict(keys=keys, values=values):
            yield from (
                (key.value, value)
                for key, value in zip(keys, values, strict=True)
                if isinstance(key, ast.Constant)
            )


def texts(value, tree):
    """Yield the texts that an expression can be: its own, or those a name stands for."""
    match value:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(part.value if isinstance(part, ast.Constant) else "…" for part in parts)
        case ast.IfExp(body=body, orelse=other):
            yield from texts(body, tree)
            yield from texts(other, tree)
        case ast.Name(id=name):
            for node in ast.walk(tree):
                if isinstance(node, ast.Assign) and any(
                    isinstance(target, ast.Name) and target.id == name for target in node.targets
                ):
                    yield from texts(node.value, tree)
                elif isinstance(node, ast.For) and name in names(node.target):
                    yield from constants(node.iter)


def names(target):
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}


def constants(node):
    """Yield the texts of a literal that say something, without names such as `"h"`."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and len(part.value) > 2:
            yield part.value


def given_to_a_plot(tree):
    """Yield the texts that a function `plot_...` is given without a name."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name), args=given) if name.startswith("plot_"):
                for part in given:
                    yield from texts(part, tree)
