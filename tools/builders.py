"""docs/builders.md: a page of the builders in gru_tf/models, made from their docstrings.

    make builders
    python tools/builders.py

What a builder is for, its shapes and its arguments are what its docstring says, and the call is
that of its example. The table of layers is read off the model that this call builds.
"""

import inspect
import os
import re
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from gru_tf import models
from gru_tf.atomic import replacing
from gru_tf.commands import run_command

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "builders.md"
SECTION = re.compile(r"^(Args|Returns|Example|Source):", re.MULTILINE)

# Data of the right shapes and types for the call in each docstring's example.
WORD_IDS = "x = rng.integers(1, 10_000, (64, 50))  # (batch, time); 0 is padding"
POSITIVE = "y = rng.integers(0, 2, 64)"
TRANSLATION = [
    "x = rng.integers(3, 40, (64, 12))  # (batch, source time); 0 is padding",
    "y = np.append(rng.integers(3, 13, (64, 9)), np.full((64, 1), 2), axis=1)  # 2 ends a text",
    "told = np.where(y == 2, 0, y)[:, :-1]  # one step late, without the end",
    "x = [x, np.append(np.full((64, 1), 1), told, axis=1)]  # 1 starts a text",
]
DATA = {
    "build_attention_translator": TRANSLATION,
    "build_bidirectional_sentiment_classifier": [WORD_IDS, POSITIVE],
    "build_forecaster": [
        "x = rng.normal(size=(64, 72, 4))  # (batch, window, n_features)",
        "y = rng.normal(size=(64, 24))  # (batch, horizon)",
    ],
    "build_language_model": [
        "text = rng.integers(1, 80, (64, 51))  # (batch, time); 0 is padding",
        "x, y = text[:, :-1], text[:, 1:]",
    ],
    "build_music_model": [
        "pitch, length = rng.integers(1, 40, (64, 51)), rng.integers(1, 12, (64, 51))",
        "x, y = [pitch[:, :-1], length[:, :-1]], [pitch[:, 1:], length[:, 1:]]",
    ],
    "build_next_value_regressor": [
        "x = rng.normal(size=(64, 10, 1))  # (batch, window, n_features)",
        "y = rng.normal(size=(64, 1))",
    ],
    "build_peak_sentiment_classifier": [WORD_IDS, POSITIVE],
    "build_pooled_sentiment_classifier": [WORD_IDS, POSITIVE],
    "build_sentiment_classifier": [WORD_IDS, POSITIVE],
    "build_sequence_classifier": [
        "x = rng.normal(size=(64, 30, 6))  # (batch, time, n_features); all zeros is padding",
        "y = rng.integers(0, 4, 64)",
    ],
    "build_tabular_regressor": [
        "x = rng.normal(size=(64, 12))  # (batch, n_features)",
        "y = rng.normal(size=(64, 1))",
    ],
    "build_translator": TRANSLATION,
}
# Steps of the outputs that have any.
N_STEPS = {
    "build_attention_translator": 10,
    "build_language_model": 50,
    "build_music_model": 50,
    "build_translator": 10,
}

INTRODUCTION = """\
# Builders to copy

Written by `make builders` from the docstrings in [gru_tf/models](../gru_tf/models).

Each is one function that uses nothing but `keras`: paste it under `import keras`, and change what
you like. Each takes `gru=`, a recurrent layer: the default is Keras' own, and `gru_tf.GRU` trains
faster on a CPU. The lines of use run as they stand, on random numbers of the right shape, from
which there is nothing to learn: put your data in their place.

The two translators need more than their function once they are to translate: `encode` and
`decode_step`, in [gru_tf/models/translation.py](../gru_tf/models/translation.py), which check what
they are given by [gru_tf/checks.py](../gru_tf/checks.py). Import these two from `gru_tf.models`, or
leave the checks out of your copy."""


def builders():
    """Return the functions by name, in the order of the package's list."""
    return {name: getattr(models, name) for name in models.__all__ if name.startswith("build_")}


def sections(function):
    """Return the parts of a docstring by name, what comes first as `"Purpose"`."""
    parts = SECTION.split(inspect.getdoc(function))
    found = dict(zip(parts[1::2], map(inspect.cleandoc, parts[2::2]), strict=True))
    return {"Purpose": parts[0].strip(), **found}


def flowing(text):
    """Return text with each paragraph on one line."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def arguments(function):
    """Yield the name, the default and the meaning of each argument."""
    meanings = re.findall(
        r"^(\w+): (.*(?:\n .*)*)", sections(function)["Args"].strip(), re.MULTILINE
    )
    parameters = inspect.signature(function).parameters
    assert [name for name, _ in meanings] == list(parameters), function.__name__
    for name, meaning in meanings:
        default = parameters[name].default
        shown = "keras.layers.GRU" if default is keras.layers.GRU else repr(default)
        yield name, f"`{shown}`", flowing(meaning)


def call(function):
    """Return the line of the docstring's example that builds the model."""
    return re.search(r"^>>> (model = .*)$", sections(function)["Example"], re.MULTILINE)[1]


def use(function):
    """Return a few lines that build the model, train it and use it."""
    name, model = function.__name__, build(function)
    data = DATA[name]
    shapes = model.output_shape if isinstance(model.output_shape, list) else [model.output_shape]
    open_ones = (64, N_STEPS.get(name))  # batch and time
    shapes = [tuple(n or open_ones[i] for i, n in enumerate(shape)) for shape in shapes]
    return "\n".join(
        [
            "import numpy as np",
            f"from gru_tf.models import {name}",
            "",
            "rng = np.random.default_rng(0)",
            *data,
            call(function),
            "model.fit(x, y, epochs=2)",
            f"p = model.predict(x)  # {' and '.join(map(str, shapes))}",
        ]
    )


def build(function):
    names = {function.__name__: function}
    exec(call(function), names)
    return names["model"]


def shape_of(layer):
    """Return the shape of a layer's outputs, with words for what is open."""
    outputs = layer.output if isinstance(layer.output, list | tuple) else [layer.output]
    shapes = []
    for output in outputs:
        open_ones = iter(("batch", "time"))
        sizes = [str(size or next(open_ones)) for size in output.shape]
        shapes.append(f"({', '.join(sizes)})")
    return ", ".join(shapes)


def table(heads, rows):
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def lessons(name):
    """Return links to the lessons that show the builder whole."""
    links = []
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        if re.search(rf"\bdef {name}\(", path.read_text(encoding="utf-8")):
            links.append(f"[lesson {path.name[:2]}](../notebooks/{path.name})")
    return links


def section(function):
    """Return the Markdown of one builder."""
    name, parts, model = function.__name__, sections(function), build(function)
    layers = [
        (f"`{layer.name}`", type(layer).__name__, shape_of(layer), f"{layer.count_params():,}")
        for layer in model.layers
    ]
    module = Path(inspect.getsourcefile(function)).relative_to(ROOT).as_posix()
    shown = f", shown whole in {' and '.join(lessons(name))}" if lessons(name) else ""
    return "\n\n".join(
        [
            f"## {name}",
            flowing(parts["Purpose"]),
            f"In [{module}](../{module}){shown}.",
            flowing(parts["Returns"]),
            table(
                ["argument", "default", ""], [(f"`{a}`", b, c) for a, b, c in arguments(function)]
            ),
            f"```python\n{use(function)}\n```",
            f"The layers of this model, {model.count_params():,} weights:",
            table(["layer", "class", "output", "weights"], layers),
            *([f"Source: {flowing(parts['Source'])}"] if "Source" in parts else []),
        ]
    )


def page():
    """Return the Markdown of the page."""
    owner = re.search(r"^Copyright.*", (ROOT / "LICENSE").read_text(encoding="utf-8"), re.MULTILINE)
    licence = (
        f"Licence: [MIT](../LICENSE), {owner[0]}. Copy what you like, in work that is sold, too; "
        "keep this line with a large part of it."
    )
    contents = table(
        ["builder", "for what"],
        [
            (f"[{name}](#{name})", flowing(sections(function)["Purpose"].split("\n\n")[0]))
            for name, function in builders().items()
        ],
    )
    parts = [INTRODUCTION, licence, contents, *map(section, builders().values())]
    return "\n\n".join(parts) + "\n"


def main():
    with replacing(PAGE) as unfinished:
        unfinished.write_text(page(), encoding="utf-8")
    print(f"written: {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    run_command(main)
