"""A GRU of one unit whose gates can be moved: its inputs, its presets, and the HTML of it."""

import dataclasses
import html
import json
from pathlib import Path

import numpy as np

from gru_tf.checks import check_one_of
from gru_tf.weights import GRUWeights

N_STEPS = 40
_STEPS = np.arange(N_STEPS)

# What the panel's buttons put in: numbers between -1 and 1, one for each time step.
INPUTS = {
    "zero": np.zeros(N_STEPS),
    "pulse": np.where((_STEPS >= 7) & (_STEPS < 11), 1.0, 0.0),
    "step": np.where(_STEPS >= 12, 1.0, 0.0),
    "sine": np.round(np.sin(2 * np.pi * _STEPS / 20), 2),
    "noise": np.round(np.random.default_rng(0).uniform(-1, 1, N_STEPS), 2),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Preset:
    """One setting of the panel: `gru_forward(preset.x, preset.weights, preset.h_0)` computes it."""

    weights: GRUWeights  # of one input and one unit
    input: str  # a name in INPUTS
    start: float  # the state before the first step
    says: str  # what is seen, and what to try

    @property
    def x(self):
        """The input, (1, time, 1)."""
        return INPUTS[self.input][None, :, None]

    @property
    def h_0(self):
        """The state before the first step, (1, 1)."""
        return np.array([[self.start]])


def _one_unit(**numbers):
    """Return the weights of one unit that writes, reset before; what isn't named is 0."""
    shapes = {"W": (1, 1), "U": (1, 1), "b": (1,)}
    names = [f"{kind}_{gate}" for kind in shapes for gate in "zrh"]
    arrays = {name: np.full(shapes[name[0]], numbers.get(name, 0.0)) for name in names}
    return GRUWeights(**arrays, reset_after=False, update_gate="write")


PRESETS = {
    "remember": Preset(
        _one_unit(W_z=10.0, b_z=-8.0, W_h=2.0),
        "pulse",
        0.0,
        "The update gate opens for the pulse alone: the state takes it and stays. "
        "Try: move b_z towards 0. From where on does the memory fade?",
    ),
    "forget": Preset(
        _one_unit(b_z=-1.0, b_r=6.0, W_h=2.0),
        "pulse",
        0.0,
        "The update gate stands a quarter open all the time, and the candidate does not see the "
        "past: a quarter of the state is lost at each step. Try: raise U_h to 1, then above. Now "
        "the candidate reads the old state, and writes it again.",
    ),
    "copy the input": Preset(
        _one_unit(b_z=8.0, W_h=1.0),
        "sine",
        0.0,
        "The update gate is wide open, so the state is the candidate, tanh of the input. Try: let "
        "an open gate keep, and nothing moves. Then negate all three numbers of z.",
    ),
    "reset reopens": Preset(
        _one_unit(b_z=-0.8, W_r=-10.0, b_r=6.0, U_h=2.0),
        "pulse",
        0.9,
        "The pulse closes the reset gate: the candidate loses sight of the state, which fades. "
        "When the gate reopens, what is left is written again. Try: draw a longer pulse. How long "
        "may it be?",
    ),
}

_MODULE = Path(__file__).with_name("gates.js")
_ELSEWHERE = (
    "Here is a figure to move. It needs its script: run this cell, or trust the notebook, or open "
    "the lesson's page."
)


class GatePanel:
    """A GRU of one unit with sliders for its weights, and an input that one can draw.

    The last line of a cell, it shows update gate, reset gate, candidate and state over 40 time
    steps, as one moves the biases and weights, the reading of the update gate and the place of
    the reset gate. It is HTML with a script that asks neither a kernel nor a network for
    anything. Where scripts don't run there is a sentence that says so.

    Args:
        preset: The setting to start from, a name in `PRESETS`.

    Raises:
        ValueError: An unknown preset.

    Example:

    >>> GatePanel("forget")
    GatePanel('forget')
    """

    def __init__(self, preset="remember"):
        check_one_of("preset", preset, PRESETS)
        self.preset = preset

    def __repr__(self):
        return f"{type(self).__name__}({self.preset!r})"

    def _repr_html_(self):
        settings = {
            "start": self.preset,
            "inputs": {name: values.tolist() for name, values in INPUTS.items()},
            "presets": {name: _as_data(preset) for name, preset in PRESETS.items()},
        }
        text = html.escape(json.dumps(settings, separators=(",", ":")), quote=False)
        return (
            f"<gru-gates data-settings='{text.replace(chr(39), '&#39;')}'>\n"
            f"<p><em>{_ELSEWHERE}</em></p>\n</gru-gates>\n"
            f'<script type="module">\n{_MODULE.read_text(encoding="utf-8")}</script>'
        )


def _as_data(preset):
    weights = {name: array.item() for name, array in preset.weights.arrays().items()}
    weights |= {
        "reset_after": preset.weights.reset_after,
        "update_gate": preset.weights.update_gate,
    }
    return {"weights": weights, "input": preset.input, "h_0": preset.start, "says": preset.says}
