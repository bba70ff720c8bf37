r"""The loop over time in TensorFlow, with its backward pass written by hand.

Keras runs the cell once a step and leaves the backward pass to automatic
differentiation, which saves and reads again every intermediate value of every
step. Here a loop holds only what depends on the step before it:

* The inputs of all steps are multiplied by their weights at once, before the loop.
* Forward, a step is one product with the state, the gates and the new state. In
  training the gates and the candidate are kept, by reference, for the way back.
* Backward, a step carries the gradient of the state alone, with one product. The
  gradients of all weights are single large products after the loop.

The update gate keeps, as in Keras: $h_t = z_t \odot h_{t-1} + (1 - z_t) \odot \hat h_t$.
So a masked step is one whose update gate is exactly 1: it leaves the state as it
is, and no gradient passes through it to the weights or the inputs.

Lesson 02 derives what `_backward` computes.
"""

import tensorflow as tf

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
    n_h = recurrent_kernel.shape[0]
    options = (n_h, reset_after, go_backwards, return_sequences, bool(training))
    # In eager mode the loop would run in Python, hundreds of times slower.
    run = _compiled_run if tf.executing_eagerly() else _run
    h = run(x, h_0, kernel, recurrent_kernel, bias, mask, *options)
    h.set_shape((x.shape[0], x.shape[1], n_h) if return_sequences else (x.shape[0], n_h))
    return h


def _run(x, h_0, kernel, U, bias, mask, n_h, reset_after, go_backwards, return_sequences, training):
    dtype = x.dtype
    computed = tf.float64 if dtype == tf.float64 else tf.float32
    x, h_0, kernel, U = (tf.cast(value, computed) for value in (x, h_0, kernel, U))
    h_0.set_shape((None, n_h))

    x = tf.transpose(x, (1, 0, 2))  # (time, batch, n_x)
    mask = None if mask is None else tf.transpose(mask)[:, :, None]  # (time, batch, 1)
    if go_backwards:
        x = tf.reverse(x, [0])
        mask = None if mask is None else tf.reverse(mask, [0])

    a = tf.tensordot(x, kernel, 1)  # (time, batch, 3 * n_h)
    c_h = tf.zeros(n_h, computed)
    if bias is not None and reset_after:
        bias = tf.cast(bias, computed)
        c_zr, c_h = tf.split(bias[1], [2 * n_h, n_h])
        a += bias[0] + tf.pad(c_zr, [[0, n_h]])  # outside the reset gate biases only add up
    elif bias is not None:
        a += tf.cast(bias, computed)
    if mask is not None:
        a = tf.where(mask, a, tf.repeat(tf.constant([_KEEP, 0, 0], computed), n_h))

    @tf.custom_gradient
    def recurrence(a, h_0, U, c_h):
        keep = "all" if training else "states" if return_sequences else "nothing"
        h_last, kept = _forward(a, h_0, U, c_h, reset_after, keep)

        def backward(dh):
            everything = kept if training else _forward(a, h_0, U, c_h, reset_after, "all")[1]
            return _refuse_second(lambda dh: _backward(dh, U, everything, reset_after), dh)

        if return_sequences:
            return tf.concat([kept[0].stack()[1:], h_last[None]], 0), backward
        return h_last, backward

    h = recurrence(a, h_0, U, c_h)
    return tf.cast(tf.transpose(h, (1, 0, 2)) if return_sequences else h, dtype)


_compiled_run = tf.function(_run, autograph=False, reduce_retracing=True)


def _forward(a, h_0, U, c_h, reset_after, keep):
    """Run the steps.

    Args:
        a: What the inputs add to the gates and the candidate, (time, batch, 3 * n_h).
        h_0: Initial state, (batch, n_h).
        U: Recurrent weights, (n_h, 3 * n_h).
        c_h: The bias inside the reset gate, (n_h,); zero without `reset_after`.
        reset_after: Whether the reset gate acts after the recurrent product.
        keep: What to keep of every step: `"nothing"`, `"states"` or `"all"`.

    Returns:
        The last state, (batch, n_h), and a list of what was kept, an array over the
        steps each: the state before the step; and with `"all"` the gates z and r side
        by side, the candidate, and u, which is the reset gate's other factor
        h U_h + c_h with `reset_after`, and otherwise r * h.
    """
    n_h, time = U.shape[0], tf.shape(a)[0]
    a = _array(time, 3 * n_h, a.dtype).unstack(a)
    U_zr, U_h = tf.split(U, [2 * n_h, n_h], axis=1)

    def step(a_t, h):
        a_zr, a_h = tf.split(a_t, [2 * n_h, n_h], axis=1)
        if reset_after:
            m_zr, m_h = tf.split(tf.matmul(h, U), [2 * n_h, n_h], axis=1)
            zr = tf.sigmoid(a_zr + m_zr)
            z, r = tf.split(zr, 2, axis=1)
            u = m_h + c_h
            h_hat = tf.tanh(a_h + r * u)
        else:
            zr = tf.sigmoid(a_zr + tf.matmul(h, U_zr))
            z, r = tf.split(zr, 2, axis=1)
            u = r * h
            h_hat = tf.tanh(a_h + tf.matmul(u, U_h))
        return h_hat + z * (h - h_hat), (h, zr, h_hat, u)

    def body(t, h, kept):
        h, values = step(a.read(t), h)
        return t + 1, h, [array.write(t, value) for array, value in zip(kept, values)]  # noqa: B905

    sizes = {"nothing": [], "states": [n_h], "all": [n_h, 2 * n_h, n_h, n_h]}[keep]
    kept = [_array(time, size, a.dtype) for size in sizes]
    _, h, kept = tf.while_loop(
        lambda t, *_: t < time, body, (tf.constant(0), h_0, kept), maximum_iterations=time
    )
    return h, kept


def _backward(dh, U, kept, reset_after):
    """Return the gradients of a, h_0, U and c_h, the arguments of `_forward`.

    Args:
        dh: Gradient of every state, (time, batch, n_h), or of the last, (batch, n_h).
        U: Recurrent weights, (n_h, 3 * n_h).
        kept: All that `_forward` kept of every step.
        reset_after: Whether the reset gate acts after the recurrent product.
    """
    n_h, time, dtype = U.shape[0], kept[0].size(), U.dtype
    every_step = dh.shape.rank == 3
    outer = _array(time, n_h, dtype).unstack(dh) if every_step else None
    U_zr, U_h = tf.split(U, [2 * n_h, n_h], axis=1)

    def body(t, dh, das, dus):
        h, zr, h_hat, u = (array.read(t) for array in kept)
        z, r = tf.split(zr, 2, axis=1)
        if every_step:
            dh += outer.read(t)
        dh_z = dh * z  # what reaches h directly
        da_z = dh_z * (1 - z) * (h - h_hat)
        da_h = (dh - dh_z) * (1 - h_hat * h_hat)
        if reset_after:
            du = da_h * r
            da_r = du * u * (1 - r)
            dh = dh_z + tf.matmul(tf.concat([da_z, da_r, du], 1), U, transpose_b=True)
        else:
            du = tf.matmul(da_h, U_h, transpose_b=True)
            da_r = du * u * (1 - r)
            da_zr = tf.concat([da_z, da_r], 1)
            dh = dh_z + du * r + tf.matmul(da_zr, U_zr, transpose_b=True)
        da = tf.concat([da_z, da_r, da_h], 1)
        return t - 1, dh, das.write(t, da), dus.write(t, du)

    das, dus = _array(time, 3 * n_h, dtype), _array(time, n_h, dtype)
    _, dh_0, das, dus = tf.while_loop(
        lambda t, *_: t >= 0,
        body,
        (time - 1, tf.zeros_like(dh[0]) if every_step else dh, das, dus),
        maximum_iterations=time,
    )
    # From here on all steps at once, (time * batch, size).
    h, da, du = kept[0].concat(), das.concat(), dus.concat()
    da_zr, da_h = tf.split(da, [2 * n_h, n_h], axis=1)
    left, right = (h, du) if reset_after else (kept[3].concat(), da_h)
    dU = [tf.matmul(h, da_zr, transpose_a=True), tf.matmul(left, right, transpose_a=True)]
    return das.stack(), dh_0, tf.concat(dU, 1), tf.reduce_sum(du, 0)


def _refuse_second(backward, dh):
    """Call `backward(dh)` so that differentiating its result is an error."""

    @tf.custom_gradient
    def gradients(dh):
        def refuse(*_):
            raise NotImplementedError(
                "gru_tf's recurrence has no second derivatives. Where they are needed, make "
                "the layer with unroll=True, or use keras.layers.GRU."
            )

        return backward(dh), refuse

    return gradients(dh)


def _array(time, size, dtype):
    return tf.TensorArray(dtype, time, element_shape=(None, size), clear_after_read=False)
