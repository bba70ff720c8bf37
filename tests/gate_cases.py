"""Settings of a GRU of one unit, for the tests of its figure: what gru_forward says of them."""

import itertools

import numpy as np

from gru_tf.equations import gru_forward
from gru_tf.interactive import PRESETS
from gru_tf.weights import GRUWeights

PARTS = ("h_prev", "z", "r", "h_hat", "h")


def as_data(weights):
    """Return the weights of one unit as the script has them: a number a name."""
    numbers = {name: array.item() for name, array in weights.arrays().items()}
    return {**numbers, "reset_after": weights.reset_after, "update_gate": weights.update_gate}


def settings():
    """Return pairs: what the script's `forward` is given, and the trace that it must give."""
    rng, cases = np.random.default_rng(0), []
    for update_gate, reset_after in itertools.product(("keep", "write"), (False, True)):
        for _ in range(5):
            options = {"update_gate": update_gate, "reset_after": reset_after}
            weights = GRUWeights.random(1, 1, seed=rng, **options)
            cases.append((rng.normal(size=(1, 30, 1)), weights, rng.normal(size=(1, 1))))
    cases += [(preset.x, preset.weights, preset.h_0) for preset in PRESETS.values()]
    return [(given(*case), expected(*case)) for case in cases]


def given(x, weights, h_0):
    return [x.ravel().tolist(), as_data(weights), h_0.item()]


def expected(x, weights, h_0):
    _, trace = gru_forward(x, weights, h_0, return_trace=True)
    return {part: getattr(trace, part).ravel() for part in PARTS}


def check(trace, wanted):
    """Raise an AssertionError unless a trace of the script is what gru_forward computes."""
    for part in PARTS:
        np.testing.assert_allclose(trace[part], wanted[part], rtol=1e-12, atol=1e-14, err_msg=part)
