"""docs/figure.png, the picture of README.md: a GRU of two units that holds a value.

    make picture
    python tools/picture.py

It trains the small GRU of lesson 01, section 8, and draws its inputs and outputs, step by
step, and its update gates. The caption in README.md is checked in tests/repository/test_picture.py.
"""

import dataclasses
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from matplotlib.figure import Figure

import gru_tf
from gru_tf.atomic import replacing
from gru_tf.commands import run_command
from gru_tf.convert import from_keras
from gru_tf.equations import gru_forward
from gru_tf.models import build_next_value_regressor
from gru_tf.plots import PALETTE

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "figure.png"


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """What a trained GRU did with sequences: each array (batch, time), but for z."""

    values: np.ndarray
    marked: np.ndarray  # Boolean
    to_hold: np.ndarray  # the last marked value
    said: np.ndarray  # what is read off the state after each step
    z: np.ndarray  # update gates, (batch, time, 2); near 1 they keep


def make_sequences(n, time, seed, share_marked=0.07):
    """Return values, markers and the last marked values, (n, time) each, as in lesson 01."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(-1, 1, (n, time))
    marked = rng.random((n, time)) < share_marked
    marked[:, 0] = True  # so that there is always something to hold
    last = np.maximum.accumulate(np.where(marked, np.arange(time), 0), axis=1)
    return values, marked, np.take_along_axis(values, last, axis=1)


def train(epochs=15):
    """Train the GRU to say the last marked value, and return what it does with new sequences."""
    values, marked, to_hold = make_sequences(4000, time=30, seed=1)
    keras.utils.set_random_seed(1)
    model = build_next_value_regressor(None, 2, units=2, learning_rate=0.02, gru=gru_tf.GRU)
    x = np.stack([values, marked], axis=-1)
    model.fit(x, to_hold[:, -1], batch_size=64, epochs=epochs, verbose=0)
    values, marked, to_hold = make_sequences(1000, time=30, seed=2)
    weights = from_keras(model.get_layer("gru"))
    h, trace = gru_forward(np.stack([values, marked], axis=-1), weights, return_trace=True)
    kernel, bias = model.layers[-1].get_weights()
    return Run(values, marked, to_hold, (h @ kernel + bias)[..., 0], trace.z)


def draw(run, path, sequence=1):
    """Draw one sequence: inputs and outputs above, the update gates below."""
    marked, values = run.marked[sequence], run.values[sequence]
    steps = np.arange(1, len(values) + 1)
    figure = Figure(figsize=(7.2, 4.2), dpi=120, layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=[3, 2])
    above.plot(steps, values, "o", ms=4, color="0.7", label="input, not marked")
    above.plot(
        steps[marked], values[marked], "o", ms=8, color=PALETTE[1], label="input, marked: to hold"
    )
    above.plot(steps, run.said[sequence], color=PALETTE[0], lw=2, label="output after each step")
    above.set(ylabel="value", ylim=(-1.1, 1.1))
    above.set_title("A GRU with two units holds the last value that was marked", loc="left")
    for unit, style in enumerate(("-", "--")):
        z = run.z[sequence, :, unit]
        below.plot(steps, z, style, color=PALETTE[2], label=f"unit {unit + 1}")
    below.set(xlabel="time step", ylabel="share kept", ylim=(0, 1.05))
    below.set_title("Its update gates: how much of its state each unit keeps", loc="left")
    for ax in (above, below):
        ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
        ax.spines[["top", "right"]].set_visible(False)
        ax.vlines(steps[marked], *ax.get_ylim(), color="0.6", linestyle=":", zorder=0)
    with replacing(path) as unfinished:
        figure.savefig(unfinished, format="png", facecolor="white", metadata={"Software": None})


def main():
    draw(train(), PICTURE)
    print(f"written: docs/{PICTURE.name}")


if __name__ == "__main__":
    run_command(main)
