"""Exercises of lesson 04: the weights of a layer, which words are kept, and a read-out of two."""

import numpy as np

from gru_tf.exercises.checking import Wrong, as_array, as_number, close, exercise, require

N = 64  # units, and features
N_REVIEWS, N_WORDS = 6000, 100


@exercise("04.1", "z, r and candidate have each a matrix for x, one for the state, and two biases.")
def weights(n):
    n = as_number(n, "n_weights")
    causes = {
        3 * (2 * N * N + N): "of a GRU with one bias for each gate: with reset_after it has two.",
        3 * 2 * N * N: "without the biases.",
        3 * (2 * N * N + 2): "with two numbers in the place of two biases of 64 each.",
        2 * (2 * N * N + 2 * N): "of two gates: the candidate has weights, too.",
        2 * N * N + 2 * N: "of one gate alone: there are z, r and the candidate.",
        2 * N * N + N: "of one gate alone: there are z, r and the candidate.",
        4 * (2 * N * N + N): "of an LSTM: a GRU has three blocks.",
        4 * (2 * N * N + 2 * N): "of four blocks: a GRU has three.",
        3 * (N * N + 2 * N): "without one of the two matrices of each gate.",
        3 * (N * N + N): "without one of the two matrices of each gate.",
        0: "of a layer that was not called yet.",
    }
    require(n not in causes, f"{n:,.0f} is the number {causes.get(n)}")
    require(n == 3 * (2 * N * N + 2 * N), f"the layer has not {n:,.0f} weights.")


@exercise("04.2", 'load_imdb(maxlen=100, truncating="post") and "pre", and of both x_train[:6000].')
def words_kept(first, last, accuracy):
    arrays = []
    for name, ids in (("first_words", first), ("last_words", last)):
        ids = as_array(ids, name)
        if ids.shape != (N_REVIEWS, N_WORDS):
            raise Wrong(f"{name} has the shape {ids.shape}, not {(N_REVIEWS, N_WORDS)}.")
        whole = (ids != 0).all(axis=1)
        require(not whole.all(), f"{name} has no padding: some reviews are shorter than that.")
        require(
            (ids[:, 0] != 0).all(),
            f"{name} has rows that begin with padding: `load_imdb(maxlen=100)` pads on the right.",
        )
        arrays.append(ids)
    first, last = arrays
    begins = [np.mean(ids[:, 0] == 1) for ids in arrays]  # 1 is where a review starts
    require(begins != [1, 1], 'both arrays begin where the reviews do: "pre" cuts the first words.')
    require(
        max(begins) == 1,
        'no array begins where the reviews do: truncating="post" keeps the first words.',
    )
    require(
        begins[0] == 1,
        'the two are the wrong way round: "pre" cuts in front, and so keeps the last words.',
    )
    short = (first == 0).any(axis=1)
    require(
        (first[short] == last[short]).all(),
        "row by row these are not the same reviews: load both with one seed and one num_words.",
    )
    require(
        isinstance(accuracy, dict) and {*accuracy} == {"first", "last"},
        'the arrays are right, and accuracy is no dict with the keys "first" and "last".',
    )
    require(None not in accuracy.values(), "accuracy holds a None: fill in both.")
    of_first, of_last = (as_number(accuracy[name], f"accuracy of {name}") for name in accuracy)
    if [*accuracy] == ["last", "first"]:
        of_first, of_last = of_last, of_first
    require(of_first <= 1 and of_last <= 1, "an accuracy is a share of 1, not in %.")
    require(
        min(of_first, of_last) > LEAST,
        "an accuracy is hardly above guessing: has the model a mask, and was it trained?",
    )
    require(
        max(of_first, of_last) < MOST,
        "an accuracy is too high for two epochs: take that of the validation part.",
    )
    require(
        of_last > of_first - 0.02,
        f"the first words lead by {of_first - of_last:.3f}: are the two runs mixed up?",
    )
    return "Reviews judge at the end. A lead of a hundredth says little in one run."


LEAST, MOST = 0.6, 0.9


@exercise(
    "04.3", "h, h_last = gru(...)(words); Concatenate joins GlobalAveragePooling1D()(h) and h_last."
)
def mean_and_last(function):
    import keras

    model = function()
    require(isinstance(model, keras.Model), f"the result is {type(model).__name__}, not a model.")
    shape = tuple(model.output_shape)
    require(shape == (None, 1), f"the output has the shape {shape}, not (None, 1).")
    require(model.compiled, "the model is not compiled.")
    length = model.input_shape[-1]
    require(length is None, f"the model reads {length} words, no more and no less: Input((None,)).")
    embedding, gru, dense = (
        one_layer(model, kind, name)
        for kind, name in (
            (keras.layers.Embedding, "Embedding"),
            (keras.layers.GRU, "GRU"),
            (keras.layers.Dense, "Dense"),
        )
    )
    rng = np.random.default_rng(0)
    embedding.set_weights([rng.normal(size=embedding.get_weights()[0].shape)])
    ids = rng.integers(4, min(embedding.input_dim, 50), (4, 12))
    for row, length in zip(ids, (12, 9, 5, 2), strict=True):
        row[length:] = 0
    read_out = as_array(keras.Model(model.input, dense.input)(ids), "what the dense layer reads")
    compare_read_out(read_out, states_of(embedding, gru, ids), ids)
    require_probability(model, ids)
    return "Each word is one step from the verdict, by the mean."


def require_probability(model, ids):
    """Move the bias of the last dense layer up and down, and require that a probability follows."""
    import keras

    dense = layers_of(model, keras.layers.Dense, "Dense")[-1]
    kernel, *biases = dense.get_weights()
    found = []
    for sign in (1, -1):
        # Far to one side by its bias alone, or by its kernel where it has none.
        numbers = [0 * kernel, *(0 * b + 30 * sign for b in biases)] if biases else [99 * kernel]
        dense.set_weights(numbers)
        found.append(as_array(model(ids), "the output"))
    high, low = found
    require(
        not all(close(p, np.ones(p.shape)) for p in found),
        "the output is 1, whatever is read: a softmax of one number is 1. It needs a sigmoid.",
    )
    require(
        all(p.min() >= 0 and p.max() <= 1 for p in found),
        "the output is no probability: the last layer needs a sigmoid.",
    )
    require(
        not biases or dense.units > 1 or (high.min() > 0.9 and low.max() < 0.1),
        "the output can't come near both 0 and 1: the last layer needs a sigmoid.",
    )


def layers_of(model, kind, name):
    """Return the layers of a kind, by its class or by its name."""
    return [
        layer for layer in model.layers if isinstance(layer, kind) or type(layer).__name__ == name
    ]


def one_layer(model, kind, name):
    """Return the first layer of a kind, by its class or by its name."""
    layers = layers_of(model, kind, name)
    require(layers, f"the model has no {name} layer of its own.")
    require(
        name != "GRU" or len(layers) == 1,
        f"the model has {len(layers)} GRUs: one gives both, with return_state=True.",
    )
    return layers[0]


def states_of(embedding, gru, ids):
    """Return the states after each step, padding read like words, by the equations."""
    from gru_tf.convert import from_keras
    from gru_tf.equations import gru_forward

    words = embedding.get_weights()[0][ids]
    return gru_forward(words, from_keras(gru))


def compare_read_out(found, states, ids):
    lengths = (ids > 0).sum(axis=1)
    rows = np.arange(len(ids))
    last = states[rows, lengths - 1]
    kept = [h[:n] for h, n in zip(states, lengths, strict=True)]
    held = np.stack([np.concatenate([h, np.repeat(h[-1:], 12 - len(h), axis=0)]) for h in kept])
    zeroed = np.where((ids > 0)[..., None], states, 0)
    mean, peak = (np.stack([f(h, axis=0) for h in kept]) for f in (np.mean, np.max))

    def is_one_of(*arrays):
        return any(close(found, array, 1e-3) for array in arrays)

    def joined(a, b):
        return np.hstack([a, b]), np.hstack([b, a])

    if is_one_of(*joined(mean, last)):
        return
    over_all = held.mean(axis=1), zeroed.mean(axis=1)
    unmasked = states.mean(axis=1), states[:, -1]
    for arrays, sentence in (
        ([mean, *over_all, unmasked[0]], "only the mean is read: join it with the last state."),
        ([last, unmasked[1]], "only the last state is read: join it with the mean of all."),
        (joined(*unmasked), "the padding is read like words: the embedding needs mask_zero=True."),
        (
            [one for array in over_all for one in joined(array, last)],
            "the padded steps count in the mean: GlobalAveragePooling1D leaves them out.",
        ),
        (joined(unmasked[0], last), "the padded steps count in the mean: it needs the mask."),
        (joined(mean, unmasked[1]), "the last state is that after the padding: it needs the mask."),
        (joined(peak, last), "the largest values are read in the place of the mean."),
        (joined(mean, states[:, 0]), "the first state is read in the place of the last one."),
        (joined(last, last), "the last state is read twice: the other half is the mean."),
        (joined(mean, mean), "the mean is read twice: the other half is the last state."),
        (
            [mean + last, (mean + last) / 2],
            "mean and last state are added: join them side by side.",
        ),
        ([mean * last], "mean and last state are multiplied: join them side by side."),
    ):
        require(not is_one_of(*arrays), sentence)
    if found.shape != joined(mean, last)[0].shape:
        raise Wrong(
            f"the dense layer reads {found.shape[1:]}, and mean and last state are "
            f"{2 * last.shape[1]} numbers."
        )
    raise Wrong("what the dense layer reads is not the mean and the last state.")
