r"""The recurrence of the MinGRU in TensorFlow, with its backward pass written by hand.

It is $h_t = a_t \odot h_{t-1} + b_t$, with $b_t = (1 - a_t) \odot \hat h_t$: one
multiplication and one addition for each number of the state. Each turn of a loop takes a
run of steps, few enough that all it touches stays in the processor's cache:

* Forward, gates and candidates of those steps are computed at once, on another core than
  the steps of the turn before. Only the state before each turn is kept for the way back.
* Backward, a turn computes its gates and states anew, which costs less than to store and
  fetch them. The gradient of the state runs through the same recurrence, reversed:
  $\bar h_{t-1} = a_t \odot \bar h_t$, plus what the loss adds at that step.

A product of many gates is never formed, so nothing can overflow, however long the
sequence.
"""

from types import FunctionType

import keras
import tensorflow as tf

from gru_tf.recurrence import differentiable_gradients, run_compiled

_CACHED = 128 * 1024  # numbers in an array of a turn, small enough for the processor's cache
_MOST_STEPS = 64  # in a turn: each is laid out in the graph
_FEW_STEPS = 16  # in a turn where their number is unknown: up to one turn is for nothing
_AHEAD = 2  # turns at once: one in its steps, one in its products


def min_gru_recurrence(
    x,
    h_0,
    kernel,
    bias=None,
    *,
    activation=keras.activations.linear,
    recurrent_activation=keras.activations.sigmoid,
    update_gate="write",
    mask=None,
    go_backwards=False,
    return_sequences=False,
    training=False,
):
    """Run a MinGRU over whole sequences.

    Half precision is computed in float32 and rounded once, at the end. Second derivatives
    can be taken too; they take the time and the memory of automatic differentiation, and
    `tape.jacobian` of a gradient wants `experimental_use_pfor=False`: TensorFlow can't
    vectorize the gradients of a loop's gradients.

    Args:
        x: Inputs, (batch, time, n_x).
        h_0: Initial state, (batch, n_h).
        kernel: Weights, (n_x, 2 * n_h), in the order z, h.
        bias: (2 * n_h,), or None.
        activation: Function that makes the candidate of each number on its own.
        recurrent_activation: The same for the update gate.
        update_gate: `"write"` or `"keep"`.
        mask: Boolean, (batch, time): a False step leaves the state as it is.
        go_backwards: Whether to read the time steps from last to first.
        return_sequences: Whether to return the states after all steps.
        training: Whether to keep what a backward pass needs. Without it a backward
            pass, if there is one, runs the forward pass again. The numbers are the same.

    Returns:
        The states after every step, (batch, time, n_h), in the order in which the steps
        were read, or None without `return_sequences`; and the last state, (batch, n_h).
    """
    n_x, n_h = kernel.shape[0], kernel.shape[1] // 2
    functions = activation, recurrent_activation
    flags = map(bool, (go_backwards, return_sequences, training))
    options = n_x, n_h, *functions, update_gate, *flags
    arrays = x, h_0, kernel, bias, mask
    h, h_last = run_compiled(_run, arrays, options, shared=all(map(is_known, functions)))
    h_last.set_shape((x.shape[0], n_h))
    if return_sequences:
        h.set_shape((x.shape[0], x.shape[1], n_h))
    return h if return_sequences else None, h_last


def is_known(function):
    """Return whether it is a function of Keras or of this package, the same in every model."""
    if not isinstance(function, FunctionType):
        return False
    return str(function.__module__).partition(".")[0] in ("keras", "gru_tf")


def _run(
    x,
    h_0,
    kernel,
    bias,
    mask,
    n_x,
    n_h,
    activation,
    recurrent_activation,
    update_gate,
    go_backwards,
    return_sequences,
    training,
):
    dtype = x.dtype
    computed = tf.float64 if dtype == tf.float64 else tf.float32
    bias = tf.zeros(2 * n_h, computed) if bias is None else bias
    x, h_0, kernel, bias = (tf.cast(value, computed) for value in (x, h_0, kernel, bias))
    x = tf.ensure_shape(x, (None, None, n_x))  # what a trace for many shapes no longer knows
    h_0 = tf.ensure_shape(h_0, (None, n_h))
    kernel = tf.ensure_shape(kernel, (n_x, 2 * n_h))

    x = tf.transpose(x, (1, 0, 2))  # (time, batch, n_x)
    if mask is not None:
        mask = tf.transpose(mask)[:, :, None]  # (time, batch, 1)
        x = tf.where(mask, x, tf.zeros((), computed))  # whatever the padding holds
    if go_backwards:
        x = tf.reverse(x, [0])
        mask = None if mask is None else tf.reverse(mask, [0])
    time = x.shape[0] or tf.shape(x)[0]
    if not x.shape[0]:
        x, mask = _whole_turns(x, mask)
    functions = (recurrent_activation, activation, update_gate == "keep")
    values = [x, h_0, *tf.split(kernel, 2, axis=1), *tf.split(bias, 2)]
    if mask is not None:  # with a gradient as the others have: a SavedModel can't hold one without
        values.append(tf.cast(mask, computed))

    def named(x, h_0, W_z, W_h, b_z, b_h, mask=None):
        return x, h_0, (W_z, W_h, b_z, b_h), mask

    def read(values, keep_states, at_once=None):
        """Return the last state, and of each run of turns what its way back needs."""
        x, h, weights, mask = named(*values)
        runs = []
        for steps, run in _runs(x, n_h, at_once):
            turns = [None if v is None else _turns(v[run], steps) for v in (x, mask)]
            h, before, states = _forward(*turns, h, weights, functions, steps, keep_states)
            runs.append((steps, run, *turns, before, states))
        return h, runs

    def all_states(x, runs):
        """Return the states after every step, (time, batch, n_h), or nothing of use."""
        if not return_sequences:
            return tf.zeros((0,), computed)
        h = tf.concat([tf.reshape(states.stack(), (-1, n_h)) for *_, states in runs], 0)
        return tf.reshape(h, (*tf.unstack(tf.shape(x)[:2]), n_h))

    @tf.custom_gradient
    def recurrence(*values):
        h, kept = read(values, return_sequences)
        h_all = all_states(values[0], kept)

        def backward(dh_all, dh, *values):
            x, _, weights, mask = named(*values)
            dx, dweights = [], [tf.zeros_like(w) for w in weights]
            # A SavedModel can hold a way back that starts from the inputs, and no other.
            runs = kept if training else read(values, False)[1]
            for steps, run, x_turns, mask_turns, before, _ in reversed(runs):
                outer = _turns(dh_all[run], steps) if return_sequences else None
                dx_run, dh, dweights = _backward(
                    x_turns, mask_turns, before, outer, dh, dweights, weights, functions, steps
                )
                dx.insert(0, dx_run)
            dx = tf.reshape(tf.concat(dx, 0), tf.shape(x))
            return dx, dh, *dweights, *([] if mask is None else [tf.zeros_like(mask)])

        def plain(*values):
            h, runs = read(values, return_sequences, at_once=1)  # quick to differentiate twice
            return all_states(values[0], runs), h

        def gradients(*upstream):
            here = [tf.identity(value) for value in values]
            return differentiable_gradients(backward, plain, upstream, here)

        return (h_all, h), gradients

    h_all, h_last = recurrence(*values)
    if return_sequences:
        h_all = tf.transpose(h_all[:time], (1, 0, 2))
    return tf.cast(h_all, dtype), tf.cast(h_last, dtype)


def _gates(x, mask, weights, functions):
    """Return of some steps at once, (steps * batch, n_h), the shares kept and the candidates.

    Besides, the two sums that they are functions of.
    """
    W_z, W_h, b_z, b_h = weights
    recurrent_activation, activation, keeps = functions
    a_z = tf.nn.bias_add(tf.matmul(x, W_z), b_z)
    a_h = tf.nn.bias_add(tf.matmul(x, W_h), b_h)
    z = recurrent_activation(a_z)
    keep = z if keeps else 1 - z
    if mask is not None:
        keep = tf.where(mask, keep, tf.ones((), keep.dtype))
    return keep, activation(a_h), a_z, a_h


def _steps(keep, h_hat, h, steps):
    """Return the states after each of some steps, a list of (batch, n_h)."""
    # 1 - keep as it was rounded: a state that equals its candidates stays what it is.
    write = (1 - keep) * h_hat
    states = []
    for keep_t, write_t in zip(tf.split(keep, steps), tf.split(write, steps), strict=True):
        h = keep_t * h + write_t
        states.append(h)
    return states


def _forward(x, mask, h, weights, functions, steps, keep_states):
    """Run the steps of some turns.

    Args:
        x: Array with the inputs of each turn, (steps * batch, n_x).
        mask: Array with the masks of each turn, (steps * batch, 1), 1 or 0, or None.
        h: State before the first step, (batch, n_h).
        weights: W_z, W_h (n_x, n_h), b_z, b_h (n_h,).
        functions: Of the update gate, of the candidate, and whether the gate keeps.
        steps: Number of steps in a turn.
        keep_states: Whether to keep the states after every step.

    Returns:
        The last state, (batch, n_h); an array with the state before each turn; and one
        with the states after its steps, (steps * batch, n_h), or None.
    """
    turns, (batch, n_h) = x.size(), h.shape
    rows = [1, steps] if keep_states else [1]
    rows = [number * batch if batch else None for number in rows]
    arrays = [_array(turns, number, n_h, h.dtype) for number in rows]

    def turn(i, h, arrays):
        mask_i = None if mask is None else mask.read(i) > 0
        keep, h_hat, *_ = _gates(x.read(i), mask_i, weights, functions)
        states = _steps(keep, h_hat, h, steps)
        values = [h, tf.concat(states, 0)] if keep_states else [h]
        arrays = [array.write(i, value) for array, value in zip(arrays, values, strict=True)]
        states[-1].set_shape(h.shape)  # a loop's state keeps its shape
        return i + 1, states[-1], arrays

    _, h, arrays = tf.while_loop(
        lambda i, *_: i < turns,
        turn,
        (tf.constant(0), h, arrays),
        parallel_iterations=_AHEAD,
        maximum_iterations=turns,
    )
    return h, arrays[0], arrays[1] if keep_states else None


def _backward(x, mask, before, dh_steps, dh, dweights, weights, functions, steps):
    """Take gradients back through the steps that `_forward` ran.

    Args:
        x, mask, weights, functions, steps: As for `_forward`.
        before: Array with the state before each turn, (batch, n_h).
        dh_steps: Array with what each turn's states get from outside, (steps * batch,
            n_h), or None.
        dh: Gradient of the last state, (batch, n_h).
        dweights: Gradients of the weights from later steps, in the order of `weights`.

    Returns:
        Gradients of the inputs, (time * batch, n_x), of the state before the first
        step, and of the weights.
    """
    recurrent_activation, activation, keeps = functions
    W_z, W_h = (tf.transpose(w) for w in weights[:2])  # once, not at every turn
    turns, shape = x.size(), dh.shape

    def turn(i, dh, dx, dweights):
        x_i, mask_i = x.read(i), None if mask is None else mask.read(i) > 0
        keep, h_hat, a_z, a_h = _gates(x_i, mask_i, weights, functions)
        h = before.read(i)
        h_before = tf.concat([h, *_steps(keep, h_hat, h, steps)[:-1]], 0)

        outer = [None] * steps if dh_steps is None else tf.split(dh_steps.read(i), steps)
        dh_after = []
        for keep_t, outer_t in reversed([*zip(tf.split(keep, steps), outer, strict=True)]):
            dh = dh if outer_t is None else dh + outer_t
            dh_after.insert(0, dh)
            dh = keep_t * dh
        dh.set_shape(shape)  # a loop's state keeps its shape
        dh_after = tf.concat(dh_after, 0)

        dz = dh_after * (h_before - h_hat if keeps else h_hat - h_before)
        if mask_i is not None:
            dz = tf.where(mask_i, dz, tf.zeros((), dz.dtype))
        da_z = _through(recurrent_activation, a_z, dz)
        da_h = _through(activation, a_h, (1 - keep) * dh_after)
        more = [
            tf.matmul(x_i, da_z, transpose_a=True),
            tf.matmul(x_i, da_h, transpose_a=True),
            tf.reduce_sum(da_z, 0),
            tf.reduce_sum(da_h, 0),
        ]
        dweights = [total + new for total, new in zip(dweights, more, strict=True)]
        dx = dx.write(i, tf.matmul(da_z, W_z) + tf.matmul(da_h, W_h))
        return i - 1, dh, dx, dweights

    dx = _array(turns, None, W_z.shape[1], dh.dtype)
    _, dh, dx, dweights = tf.while_loop(
        lambda i, *_: i >= 0,
        turn,
        (turns - 1, dh, dx, dweights),
        parallel_iterations=_AHEAD,
        maximum_iterations=turns,
    )
    return dx.concat(), dh, dweights


def _through(activation, a, dy):
    """Return the gradient of `a`, from that of `activation(a)`."""
    with tf.GradientTape() as tape:
        tape.watch(a)
        y = activation(a)
    return tape.gradient(y, a, dy)


def steps_in_turn(batch, n_h):
    """Return how many steps a turn takes: the wider they are, the fewer."""
    batch = batch or 32  # where it is unknown, what `fit` takes by default
    return min(_MOST_STEPS, max(8, _CACHED // (batch * n_h)))


def _whole_turns(x, mask):
    """Append masked steps to x (time, batch, n_x), and to its mask, until no turn is broken.

    Without any step they make up one turn: XLA compiles no loop over nothing.
    """
    time, batch = tf.unstack(tf.shape(x)[:2])
    turns = (time + _FEW_STEPS - 1) // _FEW_STEPS  # of no negative number: ONNX rounds to zero
    more = tf.maximum(turns, 1) * _FEW_STEPS - time
    mask = tf.ones((time, batch, 1), tf.bool) if mask is None else mask
    ends = [[0, more], [0, 0], [0, 0]]
    return tf.pad(x, ends), tf.pad(mask, ends)


def _runs(x, n_h, at_once=None):
    """Cut the steps of x (time, batch, n_x) in runs: turns of many steps, and what is left.

    With `at_once` all turns have so many.
    """
    time = x.shape[0]
    if at_once or not time:
        return [(at_once or _FEW_STEPS, slice(None))]
    steps = steps_in_turn(x.shape[1], n_h)
    whole = time // steps * steps
    runs = [(steps, slice(0, whole)), (time - whole, slice(whole, None))]
    return [run for run, size in zip(runs, (whole, time - whole), strict=True) if size]


def _turns(values, steps):
    """Cut values (time, batch, size) into an array over turns, each (steps * batch, size)."""
    time, batch, size = *tf.unstack(tf.shape(values)[:2]), values.shape[2]
    values = tf.reshape(values, (time // steps, steps * batch, size))
    return _array(time // steps, None, size, values.dtype).unstack(values)


def _array(turns, rows, size, dtype):
    return tf.TensorArray(dtype, turns, element_shape=(rows, size), clear_after_read=False)
