"""Exercises of lesson 01: the weights of a GRU, a bias for a long memory, one gate for two."""

import numpy as np

from gru_tf.equations import GRUWeights, gru_forward
from gru_tf.exercises.checking import Wrong, as_array, as_number, close, exercise, require

N_X, N_H = 10, 20


@exercise("01.1", "one neuron has n_x + n_h weights and a bias; a unit has three neurons.")
def numbers_to_learn(tutorials, keras):
    tutorials, keras = as_number(tutorials, "n_tutorials"), as_number(keras, "n_keras")
    right, right_keras = 3 * N_H * (N_X + N_H + 1), 3 * N_H * (N_X + N_H + 2)
    require((tutorials, keras) != (right_keras, right), "the two are the wrong way round.")
    causes = {
        3 * N_H * (N_X + N_H): "lacks the biases: one for each neuron.",
        right_keras: "has two biases for each neuron: the tutorials' form has one.",
        2 * N_H * (N_X + N_H + 1): "has two neurons a unit: the candidate is a third.",
        4 * N_H * (N_X + N_H + 1): "has four neurons a unit, as in an LSTM: a GRU has three.",
        N_H * (N_X + N_H + 1): "is one of three: update gate, reset gate, candidate.",
        3 * N_H * (N_X + 1): "lacks the weights of the last state.",
        3 * N_H * (N_H + 1): "lacks the weights of the input.",
        3 * N_X * (N_X + N_H + 1): "is that of 10 units that read 20 numbers.",
        3 * (N_H * (N_X + N_H) + 1): "has one bias for all units: each neuron has its own.",
    }
    require(tutorials not in causes, f"n_tutorials {causes.get(tutorials)}")
    require(tutorials == right, f"n_tutorials is not {tutorials:,.0f}.")
    causes = {
        right: "is the same as in the tutorials' form: Keras' default has a second bias.",
        right + N_H: "counts c_h alone: in Keras z and r have a second bias, too.",
        right + 2 * N_H: "counts a second bias of two neurons: all three have one.",
        right + 3: "has three biases more: each unit has its own.",
        2 * right: "is twice the other: only the biases are doubled.",
    }
    require(keras not in causes, f"n_tutorials is right, but n_keras {causes.get(keras)}")
    require(keras == right_keras, f"n_tutorials is right, and n_keras is not {keras:,.0f}.")


def bias_of(share):
    """Return what the sigmoid turns into a share."""
    return np.log(share / (1 - share))


@exercise(
    "01.2",
    "z to the power of steps is 1/2; the sigmoid's inverse is ln(z / (1 - z)); "
    "set_update_bias(layer, bias_for(50)) comes before the curve.",
)
def long_memory(function, gradient_at_50):
    for steps in (5, 50, 1, 200):
        bias = as_number(function(steps), f"bias_for({steps})")
        if abs(bias - bias_of(0.5 ** (1 / steps))) > 0.01:
            raise Wrong(f"bias_for({steps}) is {bias:.3f}. {what_bias_for_did(bias, steps)}")
    gradient = as_number(gradient_at_50, "gradient_at_50")
    before = "bias_for is right, but gradient_at_50 is "
    require(abs(gradient - bias_of(0.5 ** (1 / 50))) > 0.05, f"{before}the bias.")
    require(gradient > 1e-15, f"{before}not above 0: is the bias negative, or was one subtracted?")
    require(
        gradient > 1e-4,
        f"{before}{gradient:.0e}, next to nothing: was the bias set in the block of z, the first?",
    )
    require(not 40 < gradient < 60, f"{before}in percent: keep the share.")
    require(abs(gradient - 1) > 0.01, f"{before}1, which is the gradient at the end itself.")
    require(abs(gradient - 0.866) > 0.02, f"{before}that of 10 steps back: count from the end.")
    require(abs(gradient - 0.434) > 0.015, f"{before}that of the first step, 59 steps back.")
    require(
        abs(gradient - 0.495) < 0.035,
        f"{before}not {gradient:.3f}: about the share of the state that is left after 50 steps.",
    )
    return "About what is left of the state, and over a billion times what bias 0 leaves."


def what_bias_for_did(bias, steps):
    z = 0.5 ** (1 / steps)
    for wrong, sentence in (
        (-bias_of(z), "The sign is wrong: that gate writes what this one shall keep."),
        (z, "That is z itself: the bias is what the sigmoid turns into z."),
        (1 / (1 + np.exp(-z)), "The sigmoid was taken of z: take its inverse."),
        (np.log(z), "That is ln z: the inverse of the sigmoid is ln(z / (1 - z))."),
        (bias_of(np.exp(-1 / steps)), "From it 1/e is left: a half was asked for."),
        (bias_of(1 - 0.5 / steps), "It loses the same amount at each step: the shares multiply."),
        (np.log2(z / (1 - z)), "The logarithm is that of base 2: take the natural one."),
        (np.log10(z / (1 - z)), "The logarithm is that of base 10: take the natural one."),
        (0, "A gate at 1/2 leaves half of a state after a single step."),
        (bias_of(0.5 ** (1 / (steps + 1))), "That is the bias for one step more."),
        (bias_of(0.5 ** (1 / max(steps - 1, 1))), "That is the bias for one step less."),
    ):
        if abs(bias - wrong) < 0.01:
            return sentence
    left = 1 / (1 + np.exp(-np.clip(bias, -500, 500))) ** steps
    return f"From it {left:.2g} of a state is left after {steps} steps, not a half."


@exercise("01.3", "copy `step` of section 4, and write f_t wherever z_t or r_t stands.")
def mgu_forward(function):
    for batch, time, n_x, n_h in ((4, 6, 5, 5), (2, 7, 3, 4), (1, 1, 1, 2)):
        w = GRUWeights.random(n_x, n_h, seed=n_x).arrays()
        w |= {f"{kind}_r": w[f"{kind}_z"] for kind in ("W", "U", "b")}
        x = np.random.default_rng(0).normal(size=(batch, time, n_x))
        names = ("W_z", "W_h", "U_z", "U_h", "b_z", "b_h")
        arrays = [w[name].copy() for name in names]
        found = as_array(function(x.copy(), *arrays), "the result")
        right = of_gru(x, w)
        if found.shape != right.shape:
            raise Wrong(f"for {batch} sequences of {time} steps, {what_shape_is(found, right)}")
        if not close(found, right):
            raise Wrong(what_mgu_did(found, right, x, w))
    return "It has two thirds of a GRU's weights."


def of_gru(x, w, reset_after=False, update_gate="write", **changes):
    weights = GRUWeights(**(w | changes), reset_after=reset_after, update_gate=update_gate)
    return gru_forward(x, weights)


def what_shape_is(found, right):
    if found.shape == right[:, -1].shape:
        return "only the last state is returned: return those of all steps."
    if found.ndim == 3 and found.swapaxes(0, 1).shape == right.shape:
        return "time comes first: the shape is (batch, time, units)."
    if found.ndim == 3 and found.shape[1] == right.shape[1] + 1:
        return "there is one state too many: the zero state is not returned."
    return f"the shape is {found.shape}, not {right.shape}."


def what_mgu_did(found, right, x, w):
    if not found[:, 0].any() and close(found[:, 1:], right[:, :-1]):
        return "the states are those before each step, not after it: off by one."
    minus = {f"{kind}_{gate}": -w[f"{kind}_{gate}"] for kind in ("W", "U", "b") for gate in "zr"}
    none = {name: np.zeros_like(w[name]) for name in ("W_r", "U_r")}
    for options, sentence in (
        ({"update_gate": "keep"}, "f and 1 - f are the wrong way round in the new state."),
        (minus, "f has the wrong sign inside its sigmoid."),
        ({"reset_after": True}, "f multiplies after the product: (f * h) @ U_h is asked for."),
        (none | {"b_r": np.full_like(w["b_r"], 40)}, "the candidate sees h whole: put f before h."),
        (none | {"b_r": np.full_like(w["b_r"], -40)}, "the candidate doesn't see h at all."),
        ({"U_h": w["U_h"].T}, "U_h is transposed: `h @ U_h`."),
        ({"U_z": w["U_z"].T, "U_r": w["U_z"].T}, "U_f is transposed: `h @ U_f`."),
        ({"W_h": w["W_h"].T}, "W_h is transposed: `x @ W_h`."),
        ({"W_z": w["W_z"].T, "W_r": w["W_z"].T}, "W_f is transposed: `x @ W_f`."),
        ({"b_z": 0 * w["b_z"], "b_r": 0 * w["b_z"]}, "b_f is missing."),
        ({"b_h": 0 * w["b_h"]}, "b_h is missing."),
    ):
        transposed = [name for name, a in options.items() if hasattr(a, "shape")]
        if all(options[name].shape == w[name].shape for name in transposed) and close(
            found, of_gru(x, w, **options)
        ):
            return sentence
    step = int(np.argmax((np.abs(found - right) > 1e-3).any(axis=(0, 2))))
    if step:
        return f"the states are right up to step {step} and wrong from there."
    return "the states are wrong from the first step on, where h is zero."
