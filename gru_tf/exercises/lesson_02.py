"""Exercises of lesson 02: what the way forward leaves, a way back cut, and reset after."""

import numpy as np

from gru_tf.equations import GRUWeights, gru_step
from gru_tf.exercises.checking import Wrong, as_array, as_number, close, exercise, require

WINDOWS, STEPS, FEATURES, UNITS = 64, 16, 1, 16
RESULTS = ("d_h_prev", "d_a_z", "d_a_r", "d_a_h", "d_q")


@exercise("02.1", "look at memory.append: at each step one array of x_t, four of 16 units.")
def numbers_in_memory(n):
    n = as_number(n, "n_numbers")
    step = FEATURES + 4 * UNITS
    right = WINDOWS * STEPS * step
    causes = {
        step: "of one step of one window.",
        STEPS * step: "of one window: there are 64.",
        WINDOWS * step: "of one step: there are 16.",
        WINDOWS * STEPS * 4 * UNITS: "without x_t: one number a window and step.",
        WINDOWS * STEPS * 5 * UNITS: "if x_t had 16 features: it has one.",
        WINDOWS * STEPS * (FEATURES + 3 * UNITS): "with three arrays of 16: h, z, r and h_hat.",
        WINDOWS * STEPS * (FEATURES + 5 * UNITS): "with h_next: it is the h of the step after.",
        WINDOWS * (STEPS - 1) * step: "of 15 steps: the last one leaves its arrays, too.",
        WINDOWS * (STEPS + 1) * step: "of 17 steps: nothing is left before the first.",
        8 * right: "of bytes: count the numbers.",
        WINDOWS * STEPS * FEATURES: "of the inputs alone.",
        5 * STEPS: "of arrays: count the numbers in them.",
    }
    require(n not in causes, f"{n:,.0f} is the number {causes.get(n)}")
    require(n == right, f"there are not {n:,.0f} numbers.")
    return "The weights are few beside it, and don't grow with the steps."


def one_step(reset_after):
    """Return the arguments of a step back, with as many units as sequences."""
    rng = np.random.default_rng(0)
    w = GRUWeights.random(2, 4, reset_after=reset_after, seed=1)
    d_h, h_prev = rng.normal(size=(4, 4)), rng.uniform(-1, 1, (4, 4))
    z, r, h_hat, _ = gru_step(rng.normal(size=(4, 2)), h_prev, w)
    return d_h, h_prev, z, r, h_hat, w


def step_back(
    *arguments,
    skip=1,
    product=1,
    reset=1,
    by_z=1,
    by_r=1,
    sign=1,
    c_h=1,
    through_r=True,
    tanh=True,
    sigmoids=True,
    transposed=False,
    keep=False,
    before=False,
):
    """Return what a step back gives, as a dict of `RESULTS`, or what a wrong one gives.

    Args:
        *arguments: d_h, h_prev, z, r, h_hat and w, as in the lesson.
        skip, product, reset, by_z, by_r, sign, c_h: factors, of d_h * (1 - z), of the way through
            U_h, of d_r, of the two ways of step (5), of d_z and of the bias c_h.
        through_r: whether d_q has passed r.
        tanh, sigmoids: whether their derivatives are there.
        transposed: whether U_h is taken the wrong way.
        keep: whether z keeps.
        before: whether r acts before the product, whatever the weights say.
    """
    d_h, h_prev, z, r, h_hat, w = arguments
    U_h = w.U_h.T if transposed else w.U_h
    d_h_hat, d_z, d_skip = d_h * z, sign * d_h * (h_hat - h_prev), d_h * (1 - z)
    if keep:
        d_h_hat, d_z, d_skip = d_h * (1 - z), d_h * (h_prev - h_hat), d_h * z
    d_a_h = d_h_hat * (1 - h_hat**2) if tanh else d_h_hat
    d_q = d_a_h * r if through_r else d_a_h
    if w.reset_after and not before:
        d_r, d_product = d_a_h * (h_prev @ U_h + c_h * w.c_h), d_q @ U_h.T
    else:
        d_r, d_product = d_a_h @ U_h.T * h_prev, d_a_h @ U_h.T * r
    slope_z, slope_r = (z * (1 - z), r * (1 - r)) if sigmoids else (1, 1)
    d_a_z, d_a_r = d_z * slope_z, reset * d_r * slope_r
    d_h_prev = skip * d_skip + product * d_product + by_z * d_a_z @ w.U_z.T + by_r * d_a_r @ w.U_r.T
    return dict(zip(RESULTS, (d_h_prev, d_a_z, d_a_r, d_a_h, d_q), strict=True))


def compare_step(function, arguments, names, right, causes, after=""):
    """Stop with what is wrong in a step back of the reader's, if anything is."""
    *arrays, w = arguments
    given = [a.copy() for a in arrays]
    result = function(*given, w)
    if getattr(result, "ndim", 0) == 3:
        result = [*result]  # the arrays, stacked
    kind = type(result).__name__
    require(isinstance(result, tuple | list), f"the result is no tuple of arrays, but {kind}.")
    listed = ", ".join(names)
    require(len(result) == len(names), f"{len(result)} arrays are returned, not {listed}.")
    found = {name: as_array(value, name, (4, 4)) for name, value in zip(names, result, strict=True)}
    for one, other in zip(given, arrays, strict=True):
        require(np.array_equal(one, other), "the function changed an argument: add, without `+=`.")

    def agrees(expected):
        return all(close(found[name], expected[name]) for name in names)

    if agrees(right):
        return
    for changes, sentence in causes:
        require(not agrees(step_back(*arguments, **changes)), sentence)
    if {other for name in names for other in names if close(found[name], right[other])} == {*names}:
        raise Wrong(f"the results are right, but in another order than {listed}.")
    wrong = [name for name in names if not close(found[name], right[name])]
    verb = "are" if len(wrong) > 1 else "is"
    raise Wrong(f"{' and '.join(wrong)} {verb} wrong{after}.")


SHARED = (
    ({"keep": True}, "z and 1 - z are the wrong way round in step (1)."),
    ({"tanh": False}, "the derivative of the tanh is missing, 1 - h_hat²."),
    ({"sigmoids": False}, "the derivatives of the sigmoids are missing, z (1 - z) and r (1 - r)."),
    ({"sign": -1}, "d_z has the wrong sign: it is d_h * (h_hat - h_prev)."),
    ({"skip": 0}, "the way of the mix is gone, d_h * (1 - z)."),
    ({"by_z": 0, "by_r": 0}, "the ways of step (5) are gone, through U_z and U_r."),
    ({"by_z": 0}, "the way through the update gate is gone, d_a_z @ U_z.T."),
    ({"by_r": 0}, "the way through the reset gate is gone, d_a_r @ U_r.T."),
    ({"transposed": True}, "U_h is transposed the wrong way."),
)


@exercise(
    "02.2", "leave out the line that adds d_p * r, keep d_p for d_r; divide by the right norm."
)
def a_way_cut(function, errors):
    arguments = one_step(reset_after=False)
    cut = [
        ({**changes, "product": 0}, sentence)
        for changes, sentence in (
            ({"reset": 0}, "d_p is gone from d_r too: only d_p * r shall go."),
            *SHARED,
        )
    ]
    causes = [
        ({}, "d_p * r is still in d_h_prev."),
        ({"product": -1}, "d_p * r is subtracted: leave it out."),
        ({"reset": 0}, "d_p * r is still in d_h_prev, and d_r is gone: d_r uses d_p, too."),
        ({"by_r": 0}, "d_p * r is still there, and the way through the reset gate is gone."),
        *cut,
    ]
    right = step_back(*arguments, product=0)
    after = ": only d_h_prev loses a part"
    compare_step(function, arguments, RESULTS[:4], right, causes, after)
    keys = {(name, steps) for name in ("U_r", "W_z") for steps in (1, 2, 8)}
    require(
        isinstance(errors, dict) and {*errors} == keys,
        'the step is right, but errors is no dict with the keys ("U_r", 1) to ("W_z", 8).',
    )
    for (name, steps), error in errors.items():
        require(error is not None, f"the step is right, but the error of {name}, {steps} is None.")
        if (name, steps) == ("U_r", 1):
            require(
                np.isfinite(as_array(error, "the error")).all(),
                "U_r with one step is 0 / 0, as its gradient is zero: set that error to 0.",
            )
        error = as_number(error, f"the error of {name} with {steps} steps")
        require(error >= 0, f"the error of {name} with {steps} steps is negative: take the norm.")
    seen = {key: as_number(error, "an error") > 1e-4 for key, error in errors.items()}
    expected = {("W_z", 2), ("U_r", 8), ("W_z", 8)}
    found = {key for key in keys if seen[key]}
    if found != expected:
        raise Wrong(f"the step is right, but {what_errors_say(found)}")
    compare_errors({key: as_number(errors[key], "an error") for key in sorted(expected)})
    return "A test on one step would have passed, and on two steps that of U_r alone."


def what_errors_say(found):
    swapped = {("W_z" if name == "U_r" else "U_r", steps) for name, steps in found}
    if not found:
        return "all errors are next to 0: did `backward` use your step, and against differences?"
    if len(found) == 6:
        return "all six errors are large: is the loss the sum of the last states, d_h all ones?"
    if swapped == {("W_z", 2), ("U_r", 8), ("W_z", 8)}:
        return "the errors of U_r and W_z are the wrong way round."
    if ("U_r", 1) in found or ("W_z", 1) in found:
        return (
            "an error with one step is large, and what was cut reaches only the steps before: is w "
            "in the form of this lesson, GRUWeights.random(3, 5, seed=1)?"
        )
    if ("U_r", 2) in found:
        return "U_r with 2 steps must be right: at step 1 the state before it is zero."
    if ("W_z", 2) not in found:
        return "W_z with 2 steps must be wrong: step 1 gets a d_h from which a part is missing."
    return "with 8 steps both must be wrong: is d_h handed on from step to step?"


def errors_of_the_cut(kind="relative", anew=True):
    """Return the errors that the exercise asks for, by exact gradients, or what others ask for.

    Args:
        kind: "relative", or "undivided", "by the wrong", "maxima", "sums" or "squares".
        anew: Whether each length begins the stream of random numbers anew.
    """
    rng, w, errors = np.random.default_rng(0), GRUWeights.random(3, 5, seed=1), {}
    norm = {"maxima": np.max, "sums": np.sum}.get(kind, np.linalg.norm)
    for steps in (1, 2, 8):
        rng = np.random.default_rng(0) if anew else rng
        x = rng.normal(size=(4, steps, 3))
        right, cut = gradients(x, w), gradients(x, w, product=0)
        for name in ("U_r", "W_z"):
            gap, size = norm(abs(cut[name] - right[name])), norm(abs(right[name]))
            size = norm(abs(cut[name])) if kind == "by the wrong" else size
            error = gap / (size or 1) if kind != "undivided" else gap
            errors[name, steps] = error**2 if kind == "squares" else error
    return errors


def gradients(x, w, **changes):
    """Return the gradients of the sum of the last states, by `step_back` with such changes."""
    h, memory = np.zeros((len(x), w.n_h)), []
    for x_t in x.swapaxes(0, 1):
        z, r, h_hat, h_next = gru_step(x_t, h, w)
        memory.append((x_t, h, z, r, h_hat))
        h = h_next
    d_h, found = np.ones_like(h), {"U_r": 0.0, "W_z": 0.0}
    for x_t, h_prev, *gates in reversed(memory):
        by_name = step_back(d_h, h_prev, *gates, w, **changes)
        d_h = by_name["d_h_prev"]
        found["U_r"] = found["U_r"] + h_prev.T @ by_name["d_a_r"]
        found["W_z"] = found["W_z"] + x_t.T @ by_name["d_a_z"]
    return found


def compare_errors(found):
    """Stop with what is wrong in the three errors that aren't 0, if anything is."""

    def agree(wrong, tolerance=5e-3):
        return all(np.isclose(found[key], wrong[key], rtol=tolerance) for key in found)

    right = errors_of_the_cut()
    if agree(right):
        return
    shares = {key: 100 * error for key, error in right.items()}
    for wrong, sentence in (
        (shares, "are in hundredths: leave them as shares of 1."),
        (errors_of_the_cut("undivided"), "are not divided by the norm of the right gradient."),
        (errors_of_the_cut("by the wrong"), "are divided by the norm of the wrong gradient."),
        (errors_of_the_cut("maxima"), "compare the largest numbers: take the norms."),
        (errors_of_the_cut("sums"), "add up the numbers: the norm is the root of squares."),
        (errors_of_the_cut("squares"), "are squared: the norm is the root of the sum."),
        (errors_of_the_cut(anew=False), "are of one rng for all lengths: begin each with a new."),
    ):
        require(not agree(wrong), f"the step is right, but the errors {sentence}")
    for (name, steps), error in found.items():
        expected = right[name, steps]
        require(
            np.isclose(error, expected, rtol=0.05),  # rounded to two digits, too
            f"the step is right, but the error of {name} with {steps} steps is not {error:.3g}: "
            f"is x np.random.default_rng(0).normal(size=(4, {steps}, 3)), w "
            "GRUWeights.random(3, 5, seed=1), and the loss the sum of the last states?",
        )


@exercise("02.3", "with q = h_prev @ U_h + c_h, d_r is d_a_h * q and d_q is d_a_h * r.")
def reset_after(function):
    arguments = one_step(reset_after=True)
    causes = [
        ({"before": True}, "that is reset before: here r multiplies h_prev @ U_h + c_h."),
        ({"c_h": 0}, "d_r lacks c_h: r multiplies h_prev @ U_h + c_h."),
        ({"through_r": False}, "d_q lacks r: it is d_a_h * r, and so is what goes through U_h."),
        ({"reset": 0}, "d_r is missing: it is d_a_h * (h_prev @ U_h + c_h)."),
        ({"product": 0}, "the way through U_h is gone from d_h_prev, d_q @ U_h.T."),
        *SHARED,
    ]
    right = step_back(*arguments)
    compare_step(function, arguments, RESULTS, right, causes)
    return "W_h and b_h need d_a_h, which has not passed the reset gate; U_h and c_h need d_q."
