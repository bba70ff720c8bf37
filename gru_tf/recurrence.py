r"""The loop over time in TensorFlow, with its backward pass written by hand.

Keras runs the cell once a step and leaves the backward pass to automatic
differentiation, which saves and reads again every intermediate value of every
step. Here each turn of the loop takes a few steps together, few enough that what it
works on stays in the processor's cache:

* Forward, the inputs of those steps are multiplied by their weights at once. Then each
  step is one product with the state, the gates and the new state. In training the
  gates and the candidate are kept for the way back.
* Backward, what turns the gradient of a state into those of its gates is computed for
  all of those steps at once. Then each step is one product. The gradients of the
  weights and the inputs are again products over all of those steps, which do not hold
  up the next ones: they run on another core.

The update gate keeps, as in Keras: $h_t = z_t \odot h_{t-1} + (1 - z_t) \odot \hat h_t$.
So a masked step is one whose update gate is exactly 1: it leaves the state as it
is, and no gradient passes through it to the weights or the inputs.

Lesson 02 derives what `_backward` computes.
"""

import tensorflow as tf

_STEPS = 8  # in a turn of the loop
_AHEAD = 2  # turns at once: one in its chain of steps, one in its products
_KEEP = 1e4  # sigmoid(1e4) is exactly 1


def gru_recurrence(
    x,
    h_0,
    kernel,
    recurrent_kernel,
    bias=None,
    *,
    reset_after=True,
    mask=None,
    go_backwards=False,
    return_sequences=False,
    training=False,
):
    """Run a GRU (tanh, sigmoid, an update gate that keeps) over whole sequences.

    Half precision is computed in float32 and rounded once, at the end. Second
    derivatives are refused.

    Args:
        x: Inputs, (batch, time, n_x).
        h_0: Initial state, (batch, n_h).
        kernel: Input weights, (n_x, 3 * n_h), in the order z, r, h.
        recurrent_kernel: Recurrent weights, (n_h, 3 * n_h), in the order z, r, h.
        bias: (2, 3 * n_h) with `reset_after`, otherwise (3 * n_h,), or None.
        reset_after: Whether the reset gate acts after the recurrent product.
        mask: Boolean, (batch, time): a False step leaves the state as it is.
        go_backwards: Whether to read the time steps from last to first.
        return_sequences: Whether to return the states after all steps.
        training: Whether to keep what a backward pass needs. Without it a backward
            pass, if there is one, runs the forward pass again. The numbers are the same.

    Returns:
        With `return_sequences` the states after every step, (batch, time, n_h),
        in the order in which the steps were read; otherwise the last state,
        (batch, n_h).
    """
    n_x, n_h = kernel.shape[0], recurrent_kernel.shape[0]
    options = (n_x, n_h, reset_after, go_backwards, return_sequences, bool(training))
    # In eager mode the loop would run in Python, hundreds of times slower.
    run = _compiled_run if tf.executing_eagerly() else _run
    h = run(x, h_0, kernel, recurrent_kernel, bias, mask, *options)
    h.set_shape((x.shape[0], x.shape[1], n_h) if return_sequences else (x.shape[0], n_h))
    return h


def _run(x, h_0, W, U, bias, mask, n_x, n_h, reset_after, go_backwards, return_sequences, training):
    dtype = x.dtype
    computed = tf.float64 if dtype == tf.float64 else tf.float32
    x, h_0, W, U = (tf.cast(value, computed) for value in (x, h_0, W, U))
    x = tf.ensure_shape(x, (None, None, n_x))  # what a trace for many shapes no longer knows
    h_0 = tf.ensure_shape(h_0, (None, n_h))
    W, U = tf.ensure_shape(W, (n_x, 3 * n_h)), tf.ensure_shape(U, (n_h, 3 * n_h))

    x = tf.transpose(x, (1, 0, 2))  # (time, batch, n_x)
    if mask is not None:
        mask = tf.transpose(mask)[:, :, None]  # (time, batch, 1)
        x = tf.where(mask, x, tf.zeros((), computed))  # whatever the padding holds
    if go_backwards:
        x = tf.reverse(x, [0])
        mask = None if mask is None else tf.reverse(mask, [0])

    b, c_h = tf.zeros(3 * n_h, computed), tf.zeros(n_h, computed)
    if bias is not None and reset_after:
        bias = tf.cast(bias, computed)
        c_zr, c_h = tf.split(bias[1], [2 * n_h, n_h])
        b = bias[0] + tf.pad(c_zr, [[0, n_h]])  # outside the reset gate biases only add up
    elif bias is not None:
        b = tf.cast(bias, computed)
    blocks = [tf.split(w, [2 * n_h, n_h], axis=-1) for w in (W, U, b)]
    weights = [*blocks[0], *blocks[1], *blocks[2], c_h]  # W_zr, W_h, U_zr, U_h, b_zr, b_h, c_h

    @tf.custom_gradient
    def recurrence(x, h_0, *weights):
        def forward(keep):
            h, kept = h_0, []
            for steps, run in _runs(x):
                turns = [None if v is None else _turns(v[run], steps) for v in (x, mask)]
                h, arrays = _forward(*turns, h, weights, steps, reset_after, keep)
                kept.append(arrays)
            return h, kept

        h_last, kept = forward("all" if training else "states" if return_sequences else "nothing")

        def backward(dh):
            dh_steps = dh if return_sequences else None
            dh = tf.zeros_like(h_0) if return_sequences else dh
            dx, dweights = [], [tf.zeros_like(w) for w in weights]
            values = kept if training else forward("all")[1]
            for (steps, run), arrays in zip(_runs(x)[::-1], values[::-1], strict=True):
                turns = [None if v is None else _turns(v[run], steps) for v in (x, dh_steps)]
                dx_run, dh, dweights = _backward(
                    *turns, dh, dweights, weights, arrays, steps, reset_after
                )
                dx.insert(0, dx_run)
            return tf.reshape(tf.concat(dx, 0), tf.shape(x)), dh, *dweights

        if not return_sequences:
            return h_last, _without_second(backward)
        h = tf.concat([states.concat() for states, *_ in kept], 0)  # before each step
        h = tf.reshape(h, (*tf.unstack(tf.shape(x)[:2]), n_h))
        return tf.concat([h[1:], h_last[None]], 0), _without_second(backward)

    h = recurrence(x, h_0, *weights)
    return tf.cast(tf.transpose(h, (1, 0, 2)) if return_sequences else h, dtype)


_compiled_run = tf.function(_run, autograph=False, reduce_retracing=True)


def _forward(x, mask, h, weights, steps, reset_after, keep):
    """Run the steps of some turns.

    Args:
        x: Array with the inputs of each turn, (steps * batch, n_x).
        mask: Array with the masks of each turn, (steps * batch, 1), or None.
        h: State before the first step, (batch, n_h).
        weights: W_zr (n_x, 2 * n_h), W_h (n_x, n_h), U_zr (n_h, 2 * n_h), U_h
            (n_h, n_h), the biases b_zr (2 * n_h,) and b_h (n_h,), and the bias inside
            the reset gate c_h (n_h,), zero without `reset_after`.
        steps: Number of steps in a turn.
        reset_after: Whether the reset gate acts after the recurrent product.
        keep: What to keep of every step: `"nothing"`, `"states"` or `"all"`.

    Returns:
        The last state, (batch, n_h), and a list of arrays of what was kept of each
        turn, (steps * batch, size): the states before the steps; and with `"all"` the
        gates z and r side by side, the candidates, and u, which is the reset gate's
        other factor h U_h + c_h with `reset_after`, and otherwise r * h.
    """
    W_zr, W_h, U_zr, U_h, b_zr, b_h, c_h = weights
    n_h, turns = U_h.shape[0], x.size()
    always_keep = tf.repeat(tf.constant([_KEEP, 0], U_h.dtype), n_h)

    def step(a_zr, a_h, h):
        zr = tf.sigmoid(a_zr + tf.matmul(h, U_zr))
        z, r = tf.split(zr, 2, axis=1)
        if reset_after:
            u = tf.matmul(h, U_h) + c_h
            h_hat = tf.tanh(a_h + r * u)
        else:
            u = r * h
            h_hat = tf.tanh(a_h + tf.matmul(u, U_h))
        return h_hat + z * (h - h_hat), (h, zr, h_hat, u)

    def turn(i, h, kept):
        a_zr = tf.nn.bias_add(tf.matmul(x.read(i), W_zr), b_zr)
        a_h = tf.nn.bias_add(tf.matmul(x.read(i), W_h), b_h)
        if mask is not None:
            a_zr = tf.where(mask.read(i), a_zr, always_keep)
        values = []
        for a_zr_t, a_h_t in zip(tf.split(a_zr, steps), tf.split(a_h, steps), strict=True):
            h, value = step(a_zr_t, a_h_t, h)
            values.append(value)
        h.set_shape(values[0][0].shape)  # a loop's state keeps its shape
        values = [tf.concat(value, 0) for value in zip(*values, strict=True)]
        return i + 1, h, [array.write(i, v) for array, v in zip(kept, values, strict=False)]

    sizes = {"nothing": [], "states": [n_h], "all": [n_h, 2 * n_h, n_h, n_h]}[keep]
    kept = [_array(turns, size, U_h.dtype) for size in sizes]
    _, h, kept = tf.while_loop(
        lambda i, *_: i < turns,
        turn,
        (tf.constant(0), h, kept),
        parallel_iterations=_AHEAD,
        maximum_iterations=turns,
    )
    return h, kept


def _backward(x, dh_steps, dh, dweights, weights, kept, steps, reset_after):
    """Take gradients back through the steps that `_forward` ran.

    Args:
        x, weights, steps, reset_after: As for `_forward`.
        dh_steps: Array with what each turn's states get from outside, (steps * batch,
            n_h), or None.
        dh: Gradient of the last state, (batch, n_h).
        dweights: Gradients of the weights from later steps, in the order of `weights`.
        kept: All that `_forward` kept.

    Returns:
        Gradients of the inputs, (time * batch, n_x), of the state before the first
        step, and of the weights.
    """
    W_zr, W_h, U_zr, U_h, *_ = weights
    U = tf.concat([U_zr, U_h], 1)
    n_h, shape, turns = U_h.shape[0], dh.shape, x.size()

    def step_after(dh, z, to_m):
        dm = tf.tile(dh, (1, 3)) * to_m
        return dh * z + tf.matmul(dm, U, transpose_b=True), (dh, dm)

    def step_before(dh, z, r, to_z, to_h, to_r):
        da_h = dh * to_h
        du = tf.matmul(da_h, U_h, transpose_b=True)
        da_zr = tf.concat([dh * to_z, du * to_r], 1)
        return dh * z + du * r + tf.matmul(da_zr, U_zr, transpose_b=True), (da_h, da_zr)

    def turn(i, dh, dx, dweights):
        h, zr, h_hat, u = (array.read(i) for array in kept)
        z, r = tf.split(zr, 2, axis=1)
        # What takes a gradient to the gates: derivatives of the new state, of all steps at once.
        to_z = (h - h_hat) * z * (1 - z)
        to_h = (1 - z) * (1 - h_hat * h_hat)
        to_r = u * (1 - r)  # and from u, where the reset gate acts
        if reset_after:
            to_u = to_h * r
            step, factors = step_after, (z, tf.concat([to_z, to_u * to_r, to_u], 1))
        else:
            step, factors = step_before, (z, r, to_z, to_h, to_r)
        factors = zip(*(tf.split(factor, steps) for factor in factors), strict=True)
        outer = [0] * steps if dh_steps is None else tf.split(dh_steps.read(i), steps)
        values = []
        for factors_t, outer_t in reversed([*zip(factors, outer, strict=True)]):
            dh, value = step(dh + outer_t, *factors_t)
            values.insert(0, value)
        dh.set_shape(shape)  # a loop's state keeps its shape
        first, second = (tf.concat(value, 0) for value in zip(*values, strict=True))
        if reset_after:
            da_h = first * to_h
            da_zr, du = tf.split(second, [2 * n_h, n_h], axis=1)
            left, right = h, du
        else:
            da_h, da_zr = first, second
            left, right = u, da_h

        x_i = x.read(i)
        products = [(x_i, da_zr), (x_i, da_h), (h, da_zr), (left, right)]
        more = [tf.matmul(left, right, transpose_a=True) for left, right in products]
        more += [tf.reduce_sum(values, 0) for values in (da_zr, da_h, right)]
        dweights = [before + new for before, new in zip(dweights, more, strict=True)]
        dx_i = tf.matmul(da_zr, W_zr, transpose_b=True) + tf.matmul(da_h, W_h, transpose_b=True)
        return i - 1, dh, dx.write(i, dx_i), dweights

    dx = _array(turns, W_h.shape[0], dh.dtype)
    _, dh, dx, dweights = tf.while_loop(
        lambda i, *_: i >= 0,
        turn,
        (turns - 1, dh, dx, dweights),
        parallel_iterations=_AHEAD,
        maximum_iterations=turns,
    )
    return dx.concat(), dh, dweights


def _without_second(backward):
    """Return `backward` such that differentiating its result is an error."""

    @tf.custom_gradient
    def gradients(dh):
        def refuse(*_):
            raise NotImplementedError(
                "gru_tf's recurrence has no second derivatives. Where they are needed, make "
                "the layer with unroll=True, or use keras.layers.GRU."
            )

        return backward(dh), refuse

    return gradients


def _runs(x):
    """Cut the steps of x (time, ...) in two runs: turns of `_STEPS`, then turns of one step."""
    time = tf.shape(x)[0] if x.shape[0] is None else x.shape[0]
    whole = time // _STEPS * _STEPS
    runs = [(_STEPS, slice(0, whole)), (1, slice(whole, None))]
    if x.shape[0]:  # known: leave out a run without steps
        return [run for run, size in zip(runs, (whole, time - whole), strict=True) if size]
    return runs


def _turns(values, steps):
    """Cut values (time, batch, size) into an array over turns, each (steps * batch, size)."""
    time, batch, size = *tf.unstack(tf.shape(values)[:2]), values.shape[2]
    values = tf.reshape(values, (time // steps, steps * batch, size))
    return _array(time // steps, size, values.dtype).unstack(values)


def _array(turns, size, dtype):
    return tf.TensorArray(dtype, turns, element_shape=(None, size), clear_after_read=False)
