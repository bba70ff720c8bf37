r"""The loop over time in TensorFlow, with its backward pass written by hand.

Keras runs the cell once a step and leaves the backward pass to automatic
differentiation, which saves and reads again every intermediate value of every
step. Here a loop holds only what really depends on the step before it:

* Forward, the inputs of all steps are multiplied at once, before the loop. The
  loop has the product with the state, the gates and the new state, and stores
  the states alone.
* Backward, the gates of all steps are computed again from the stored states, at
  once. With $\delta_t = \partial L / \partial h_t$, every gradient of step $t$ is
  $\delta_t$ times a factor that is then known, so that the loop carries
  $\delta_t$ alone. The gradients of the weights are single products after it.

The update gate keeps, as in Keras: $h_t = z_t \odot h_{t-1} + (1 - z_t) \odot \hat h_t$.
So a masked step is one whose update gate is exactly 1: it leaves the state as it
is, and no gradient passes through it to the weights or the inputs.

Comments name shapes with `n = time * batch`.
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

    Returns:
        With `return_sequences` the states after every step, (batch, time, n_h),
        in the order in which the steps were read; otherwise the last state,
        (batch, n_h).
    """
    dtype = x.dtype
    computed = tf.float64 if dtype == tf.float64 else tf.float32
    x, h_0, kernel, recurrent_kernel = (
        tf.cast(value, computed) for value in (x, h_0, kernel, recurrent_kernel)
    )
    bias = None if bias is None else tf.cast(bias, computed)

    x = tf.transpose(x, (1, 0, 2))  # (time, batch, n_x)
    mask = None if mask is None else tf.transpose(mask)[:, :, None]  # (time, batch, 1)
    if go_backwards:
        x = tf.reverse(x, [0])
        mask = None if mask is None else tf.reverse(mask, [0])

    n_h = recurrent_kernel.shape[0]
    a = tf.tensordot(x, kernel, 1)  # (time, batch, 3 * n_h)
    c_h = tf.zeros(n_h, a.dtype)
    if bias is not None and reset_after:
        # The recurrent biases of z and r are only ever added to the input's.
        a += bias[0] + tf.concat([bias[1, : 2 * n_h], c_h], 0)
        c_h = bias[1, 2 * n_h :]
    elif bias is not None:
        a += bias
    if mask is not None:
        kept = tf.repeat(tf.constant([_KEEP, 0, 0], a.dtype), n_h)
        a = tf.where(mask, a, kept)

    h = _recurrence(a, h_0, recurrent_kernel, c_h, reset_after, return_sequences)
    h.set_shape((x.shape[0], x.shape[1], n_h) if return_sequences else (x.shape[1], n_h))
    if return_sequences:
        h = tf.transpose(h, (1, 0, 2))  # (batch, time, n_h)
    return tf.cast(h, dtype)


def _recurrence(a, h_0, U, c_h, reset_after, return_sequences):
    """Give TensorFlow the forward pass together with its backward pass."""

    @tf.custom_gradient
    def recurrence(a, h_0, U, c_h):
        h_before, h_last = _forward(a, h_0, U, c_h, reset_after)

        def backward(dh):
            return _first_derivatives(dh, a, h_before, U, c_h, reset_after, return_sequences)

        if return_sequences:
            return tf.concat([h_before[1:], h_last[None]], 0), backward
        return h_last, backward

    return recurrence(a, h_0, U, c_h)


def _first_derivatives(dh, a, h_before, U, c_h, reset_after, return_sequences):
    """Run the backward pass, and refuse to be differentiated again."""

    @tf.custom_gradient
    def gradients(dh, a, h_before, U, c_h):
        def refuse(*_):
            raise NotImplementedError(
                "gru_tf's recurrence has no second derivatives. Use the layer with "
                "unroll=True, or keras.layers.GRU, where they are needed."
            )

        return _backward(dh, a, h_before, U, c_h, reset_after, return_sequences), refuse

    return gradients(dh, a, h_before, U, c_h)


def _gates(a, h, U, c_h, reset_after):
    """Compute z, r, U_h h + c_h (with `reset_after`, else None) and the candidate.

    One step or all steps at once: `a` is (batch, 3 * n_h) or (n, 3 * n_h).
    """
    n_h = a.shape[-1] // 3
    m = tf.matmul(h, U if reset_after else U[:, : 2 * n_h])
    zr = tf.sigmoid(a[:, : 2 * n_h] + m[:, : 2 * n_h])
    z, r = zr[:, :n_h], zr[:, n_h:]
    if reset_after:
        u = m[:, 2 * n_h :] + c_h
        return z, r, u, tf.tanh(a[:, 2 * n_h :] + r * u)
    return z, r, None, tf.tanh(a[:, 2 * n_h :] + tf.matmul(r * h, U[:, 2 * n_h :]))


@tf.function(autograph=False)
def _forward(a, h_0, U, c_h, reset_after):
    """Return the states before every step, (time, batch, n_h), and the last state."""

    def step(h, a_t):
        z, _, _, h_hat = _gates(a_t, h, U, c_h, reset_after)
        return h_hat + z * (h - h_hat)

    return _scan(step, h_0, [a])


@tf.function(autograph=False)
def _backward(dh, a, h_before, U, c_h, reset_after, return_sequences):
    """Return the gradients of a, h_0, U and c_h.

    `dh` is the gradient of every state, (time, batch, n_h), with
    `return_sequences`, otherwise of the last state, (batch, n_h).
    """
    n_h = a.shape[-1] // 3
    flat = (-1, n_h)
    steps = tf.shape(h_before)  # time, batch, n_h
    h = tf.reshape(h_before, flat)  # (n, n_h)
    z, r, u, h_hat = _gates(tf.reshape(a, (-1, 3 * n_h)), h, U, c_h, reset_after)

    # Each gradient of a step's pre-activations is delta times one of these factors.
    to_h = (1 - z) * (1 - h_hat * h_hat)
    to_z = (h - h_hat) * z * (1 - z)
    U_zr, U_h = tf.transpose(U[:, : 2 * n_h]), tf.transpose(U[:, 2 * n_h :])
    if reset_after:
        to_r = to_h * u * r * (1 - r)
        factors = tf.stack([to_z, to_r, to_h * r], 1)  # (n, 3, n_h)
        U_zrh = tf.concat([U_zr, U_h], 0)

        def step(delta, z_t, factors_t):
            dm = tf.reshape(delta[:, None] * factors_t, (-1, 3 * n_h))
            return delta * z_t + tf.matmul(dm, U_zrh)
    else:
        to_r = h * r * (1 - r)  # times the gradient of r * h, not delta
        factors = tf.stack([to_z, to_r, to_h, r], 1)  # (n, 4, n_h)

        def step(delta, z_t, factors_t):
            f_z, f_r, f_h, r_t = tf.unstack(factors_t, axis=1)
            d_rh = tf.matmul(delta * f_h, U_h)
            da_zr = tf.concat([delta * f_z, d_rh * f_r], 1)
            return delta * z_t + d_rh * r_t + tf.matmul(da_zr, U_zr)

    inputs = [tf.reshape(z, steps), tf.reshape(factors, (steps[0], steps[1], -1, n_h))]
    if return_sequences:
        # The step that leads to h_{t-1} also meets the gradient of the output h_{t-1}.
        inputs.append(tf.concat([tf.zeros_like(dh[:1]), dh[:-1]], 0))
        delta, dh_0 = _scan(lambda d, z_t, f_t, dh_t: step(d, z_t, f_t) + dh_t, dh[-1], inputs, -1)
    else:
        delta, dh_0 = _scan(step, dh, inputs, -1)

    delta = tf.reshape(delta, flat)
    da_z, da_h = delta * to_z, delta * to_h
    if reset_after:
        da_r, du = delta * to_r, da_h * r
        dU = tf.matmul(h, tf.concat([da_z, da_r, du], 1), transpose_a=True)
        dc_h = tf.reduce_sum(du, 0)
    else:
        da_r = tf.matmul(da_h, U_h) * to_r
        dU_zr = tf.matmul(h, tf.concat([da_z, da_r], 1), transpose_a=True)
        dU = tf.concat([dU_zr, tf.matmul(r * h, da_h, transpose_a=True)], 1)
        dc_h = tf.zeros_like(c_h)
    da = tf.reshape(tf.concat([da_z, da_r, da_h], 1), tf.shape(a))
    return da, dh_0, dU, dc_h


def _scan(step, state, inputs, direction=1):
    """Carry `state` through `step(state, *inputs of the step)` over all time steps.

    Args:
        step: Function from the state, (batch, n_h), and a step's inputs to the next state.
        state: First state, (batch, n_h).
        inputs: List of tensors, (time, batch, ...).
        direction: 1 from the first step to the last, -1 from the last to the first.

    Returns:
        The states before every step, (time, batch, n_h), and the last state.
    """
    time = tf.shape(inputs[0])[0]
    inputs = [tf.TensorArray(x.dtype, time, element_shape=x.shape[1:]).unstack(x) for x in inputs]
    states = tf.TensorArray(state.dtype, time, element_shape=state.shape)

    def body(count, state, states):
        t = count if direction == 1 else time - 1 - count
        states = states.write(t, state)
        return count + 1, step(state, *(x.read(t) for x in inputs)), states

    _, state, states = tf.while_loop(
        lambda count, *_: count < time, body, (0, state, states), maximum_iterations=time
    )
    return states.stack(), state
