"""The equations of the Gated Recurrent Unit in NumPy, forward and backward.

One step reads the input x_t and the last state h_prev, and gives the next state::

    z_t   = sigmoid(x_t W_z + h_prev U_z + b_z)               update gate
    r_t   = sigmoid(x_t W_r + h_prev U_r + b_r)               reset gate
    h_hat = tanh(x_t W_h + (r_t * h_prev) U_h + b_h)          candidate, reset before
    h_hat = tanh(x_t W_h + r_t * (h_prev U_h + c_h) + b_h)    candidate, reset after
    h_t   = (1 - z_t) * h_prev + z_t * h_hat                  z "write"s
    h_t   = z_t * h_prev + (1 - z_t) * h_hat                  z "keep"s

Both places of the reset gate and both readings of the update gate are in use;
`GRUWeights` carries its own, because the numbers mean nothing without them.
This code is for reading and for checking; `gru_tf.GRU` is the fast one.

Source: Cho et al. 2014, arXiv:1406.1078, equations 5 to 8 ("keep"); Chung et al.
2014, arXiv:1412.3555, section 3.2 ("write").
"""

import dataclasses

import numpy as np

from gru_tf.checks import check_at_least, check_flag, check_number
from gru_tf.weights import GRUWeights, as_real_array


def sigmoid(a):
    """Squash any number into (0, 1), in a form whose exponentials can't overflow."""
    return 0.5 * (1 + np.tanh(0.5 * a))


# The ways from h_t back to h_prev: the mix itself, and what looks at h_prev inside the step.
WAYS_BACK = ("skip", "candidate", "update_gate", "reset_gate")


@dataclasses.dataclass(frozen=True, eq=False)
class Trace:
    """What `gru_forward` computed at every step; `gru_backward` starts from it."""

    weights: GRUWeights
    x: np.ndarray  # (batch, time, n_x)
    h_prev: np.ndarray  # state before each step, (batch, time, n_h); h_0 at step 0
    z: np.ndarray  # update gate, (batch, time, n_h)
    r: np.ndarray  # reset gate, (batch, time, n_h)
    h_hat: np.ndarray  # candidate, (batch, time, n_h)
    h: np.ndarray  # state after each step, (batch, time, n_h)


def gru_step(x_t, h_prev, w):
    """Take one step: from (batch, n_x) and (batch, n_h) to z_t, r_t, h_hat, h_t."""
    z_t = sigmoid(x_t @ w.W_z + h_prev @ w.U_z + w.b_z)
    r_t = sigmoid(x_t @ w.W_r + h_prev @ w.U_r + w.b_r)
    if w.reset_after:
        h_hat = np.tanh(x_t @ w.W_h + r_t * (h_prev @ w.U_h + w.c_h) + w.b_h)
    else:
        h_hat = np.tanh(x_t @ w.W_h + (r_t * h_prev) @ w.U_h + w.b_h)
    if w.update_gate == "write":
        h_t = (1 - z_t) * h_prev + z_t * h_hat
    else:
        h_t = z_t * h_prev + (1 - z_t) * h_hat
    return z_t, r_t, h_hat, h_t


def gru_forward(x, weights, h_0=None, return_trace=False):
    """Run a GRU over a batch of sequences.

    Args:
        x: Inputs, (batch, time, n_x).
        weights: `GRUWeights`.
        h_0: Initial state, (batch, n_h); zero where None.
        return_trace: Whether to return the gates of every step too.

    Returns:
        The state after every step, (batch, time, n_h); with `return_trace` the
        tuple (states, `Trace`).

    Raises:
        ValueError: `x` or `h_0` of another shape, ragged, or not finite.
        TypeError: `x` or `h_0` that does not hold real numbers, or weights that are
            not `GRUWeights`.

    Example:

    >>> h = gru_forward(np.zeros((4, 10, 3)), GRUWeights.random(3, 5))
    >>> h.shape
    (4, 10, 5)
    """
    x, h_0 = _check_inputs(x, weights, h_0)
    check_flag("return_trace", return_trace)
    h_prev, steps = h_0, []
    for t in range(x.shape[1]):
        z_t, r_t, h_hat, h_t = gru_step(x[:, t], h_prev, weights)
        steps.append((h_prev, z_t, r_t, h_hat, h_t))
        h_prev = h_t
    trace = Trace(weights, x, *(np.stack(arrays, axis=1) for arrays in zip(*steps, strict=True)))
    return (trace.h, trace) if return_trace else trace.h


def gru_backward(dh, trace, *, cut=()):
    """Carry a loss's gradient back through time, from the states to every weight.

    `d_a` is the gradient of the loss with respect to `a`; a_z, a_r and a_h stand for
    what is inside sigmoid, sigmoid and tanh in the equations at the top of this
    module, which are read here from the last to the first.

    Args:
        dh: Gradient of the loss with respect to the states as the loss sees them,
            (batch, time, n_h); zero at steps that it does not look at.
        trace: The `Trace` of the forward run.
        cut: Ways from a state back to the one before it that are left out, to see
            what each of them carries; names from `WAYS_BACK`. The reset gate acts
            inside the candidate: cut the candidate, and its way is cut too. With a
            cut the result is no gradient any more, only a part of one.

    Returns:
        A dict of gradients: one for each array of `trace.weights.arrays()`, under
        its name, and `"x"` (batch, time, n_x) and `"h_0"` (batch, n_h).

    Raises:
        ValueError: `dh` of another shape than the states, or an unknown name in `cut`.
        TypeError: `dh` that does not hold real numbers, or something else than a `Trace`.

    Example:

    >>> h, trace = gru_forward(np.ones((4, 10, 3)), GRUWeights.random(3, 5), return_trace=True)
    >>> gradients = gru_backward(2 * h, trace)  # of the loss sum(h**2)
    >>> gradients["U_z"].shape
    (5, 5)
    """
    if not isinstance(trace, Trace):
        raise TypeError(
            "trace must be the Trace that gru_forward returns with return_trace=True. "
            f"Received: {type(trace).__name__}."
        )
    dh = as_real_array("dh", dh)
    if dh.shape != trace.h.shape:
        raise ValueError(f"dh must have the states' shape {trace.h.shape}. Received: {dh.shape}.")
    if not isinstance(cut, tuple | list | set) or any(name not in WAYS_BACK for name in cut):
        raise ValueError(f"cut must hold names from {WAYS_BACK}. Received: {cut!r}.")
    carried = {name: float(name not in cut) for name in WAYS_BACK}  # 1, or 0 where cut
    w = trace.weights
    d_a_z, d_a_r, d_a_h = (np.empty_like(trace.h) for _ in range(3))
    d_h_next = np.zeros_like(trace.h[:, 0])  # what the later steps ask of this state

    for t in reversed(range(dh.shape[1])):
        h_prev, z, r, h_hat = trace.h_prev[:, t], trace.z[:, t], trace.r[:, t], trace.h_hat[:, t]
        d_h = dh[:, t] + d_h_next  # the loss sees h_t directly, and through step t + 1

        if w.update_gate == "write":  # h_t = (1 - z) * h_prev + z * h_hat
            d_z, d_h_hat, d_h_prev = d_h * (h_hat - h_prev), d_h * z, d_h * (1 - z)
        else:  # h_t = z * h_prev + (1 - z) * h_hat
            d_z, d_h_hat, d_h_prev = d_h * (h_prev - h_hat), d_h * (1 - z), d_h * z

        d_h_prev = d_h_prev * carried["skip"]

        d_a_h[:, t] = d_h_hat * (1 - h_hat**2)  # h_hat = tanh(a_h)
        if w.reset_after:  # a_h = ... + r * (h_prev U_h + c_h)
            d_r = d_a_h[:, t] * (h_prev @ w.U_h + w.c_h)
            d_h_prev += (d_a_h[:, t] * r) @ w.U_h.T * carried["candidate"]
        else:  # a_h = ... + (r * h_prev) U_h
            d_rh = d_a_h[:, t] @ w.U_h.T
            d_r = d_rh * h_prev
            d_h_prev += d_rh * r * carried["candidate"]

        d_a_z[:, t] = d_z * z * (1 - z)  # z = sigmoid(a_z)
        d_a_r[:, t] = d_r * r * (1 - r)  # r = sigmoid(a_r)
        d_h_prev += d_a_z[:, t] @ w.U_z.T * carried["update_gate"]
        d_h_prev += d_a_r[:, t] @ w.U_r.T * (carried["reset_gate"] * carried["candidate"])
        d_h_next = d_h_prev

    # Every step uses the same weights: their gradients are sums over batch and time.
    x, h_prev, r = trace.x, trace.h_prev, trace.r
    gradients = {"x": d_a_z @ w.W_z.T + d_a_r @ w.W_r.T + d_a_h @ w.W_h.T, "h_0": d_h_next}
    for gate, d_a in (("z", d_a_z), ("r", d_a_r), ("h", d_a_h)):
        gradients[f"W_{gate}"] = _sum_of_products(x, d_a)
        gradients[f"U_{gate}"] = _sum_of_products(h_prev, d_a)
        gradients[f"b_{gate}"] = d_a.sum(axis=(0, 1))
    if w.reset_after:  # the reset gate stands between U_h, c_h and a_h
        gradients["U_h"] = _sum_of_products(h_prev, d_a_h * r)
        gradients["c_h"] = (d_a_h * r).sum(axis=(0, 1))
    else:
        gradients["U_h"] = _sum_of_products(r * h_prev, d_a_h)
    return gradients


def check_gradients(x, weights, h_0=None, *, step=1e-3, seed=0):
    """Compare `gru_backward` with central differences, in float64.

    The loss is sum(dh * h) with a random `dh`. Every number in the weights, x and h_0
    is moved both ways by `step` and by twice `step`; of the two central differences
    4/3 of the first less 1/3 of the second is taken, in which the errors of order
    step**2 cancel. The error of an array is
    ||by hand - by differences|| / max(||by hand||, ||by differences||).

    Args:
        x: Inputs, (batch, time, n_x). Keep them small: each number costs four runs.
        weights: `GRUWeights`.
        h_0: Initial state, (batch, n_h); zero where None.
        step: Distance moved. Near 1e-3, the fifth root of the machine's epsilon, the
            errors of truncation and of rounding are about equal.
        seed: Seed of the random `dh`.

    Returns:
        The largest of the arrays' errors, a float.

    Raises:
        ValueError, TypeError: As `gru_forward`; or a `step` that is not above 0.

    Example:

    >>> x = np.random.default_rng(0).normal(size=(2, 4, 3))
    >>> check_gradients(x, GRUWeights.random(3, 5, seed=0)) < 1e-7
    True
    """
    x, h_0 = _check_inputs(x, weights, h_0)
    check_number("step", step, above=0)
    check_at_least("seed", seed, 0)
    point = {name: array.astype("float64") for name, array in weights.arrays().items()}
    point |= {"x": x.astype("float64"), "h_0": h_0.astype("float64")}

    def run(point):
        moved = dataclasses.replace(weights, **{name: point[name] for name in weights.arrays()})
        return gru_forward(point["x"], moved, point["h_0"], return_trace=True)

    h, trace = run(point)
    dh = np.random.default_rng(seed).normal(size=h.shape)
    by_hand, errors = gru_backward(dh, trace), []
    for name, array in point.items():
        differences = np.empty_like(array)
        for i in np.ndindex(array.shape):
            shift = np.zeros_like(array)
            shift[i] = step
            up, down, up_2, down_2 = (
                np.sum(dh * run(point | {name: array + k * shift})[0]) for k in (1, -1, 2, -2)
            )
            near, far = (up - down) / (2 * step), (up_2 - down_2) / (4 * step)
            differences[i] = (4 * near - far) / 3
        size = max(np.linalg.norm(by_hand[name]), np.linalg.norm(differences))
        errors.append(np.linalg.norm(by_hand[name] - differences) / size if size else 0.0)
    return float(max(errors))


def _check_inputs(x, weights, h_0):
    """Return `x` and `h_0` as arrays that fit the weights and each other."""
    if not isinstance(weights, GRUWeights):
        raise TypeError(f"weights must be GRUWeights. Received: {type(weights).__name__}.")
    x = as_real_array("x", x)
    if x.ndim != 3 or x.shape[1] < 1 or x.shape[2] != weights.n_x:
        raise ValueError(
            f"x must have shape (batch, time, n_x) with time at least 1 and n_x = {weights.n_x}. "
            f"Received: {x.shape}."
        )
    shape = (len(x), weights.n_h)
    h_0 = np.zeros(shape, weights.W_z.dtype) if h_0 is None else as_real_array("h_0", h_0)
    if h_0.shape != shape:
        raise ValueError(f"h_0 must have shape (batch, n_h) = {shape}. Received: {h_0.shape}.")
    return x, h_0


def _sum_of_products(a, b):
    """Sum the outer products of (batch, time, n) and (batch, time, m) to (n, m)."""
    return np.tensordot(a, b, axes=([0, 1], [0, 1]))
