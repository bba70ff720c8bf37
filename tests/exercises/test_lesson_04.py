"""The checks of lesson 04: right answers in several forms, and wrong ones."""

import functools

import keras
import numpy as np
import pytest

import gru_tf
from gru_tf.exercises.lesson_04 import N_REVIEWS, N_WORDS


def test_weights(is_right):
    layer = gru_tf.GRU(64)
    layer.build((None, None, 64))
    is_right("04.1", layer.count_params())
    is_right("04.1", np.float32(24_960))


@pytest.mark.parametrize(
    ("n", "sentence"),
    [
        (24_768, "one bias for each gate"),
        (24_576, "without the biases"),
        (16_640, "two gates"),
        (8_320, "one gate alone"),
        (33_024, "an LSTM"),
        (33_280, "four blocks"),
        (12_672, "one of the two matrices"),
        (0, "not called yet"),
        (24_961, "has not 24,961 weights"),
    ],
)
def test_weights_refused(is_refused, n, sentence):
    is_refused("04.1", sentence, n)


@functools.cache
def reviews(seed=0):
    """Return ids cut as `load_imdb` cuts them: {"pre": ..., "post": ...}."""
    rng = np.random.default_rng(seed)
    texts = [[1, *rng.integers(4, 999, rng.integers(20, 300))] for _ in range(N_REVIEWS)]
    pad = functools.partial(keras.utils.pad_sequences, texts, N_WORDS, padding="post")
    return {cut: pad(truncating=cut) for cut in ("pre", "post")}


ACCURACY = {"first": 0.768, "last": 0.791}


def test_words_kept(is_right):
    first, last = reviews()["post"], reviews()["pre"]
    is_right("04.2", first, last, ACCURACY)
    is_right("04.2", first.astype("float32"), last.astype("int64"), {"last": 0.75, "first": 0.76})
    is_right(
        "04.2", first, keras.ops.convert_to_tensor(last), {"first": np.float32(0.7), "last": 0.8}
    )


def shifted(ids, by=1):
    return np.hstack([ids[:, by:], np.zeros((len(ids), by), ids.dtype)])


@pytest.mark.parametrize(
    ("first", "last", "accuracy", "sentence"),
    [
        (lambda r: r["pre"], lambda r: r["post"], ACCURACY, "wrong way round"),
        (lambda r: r["post"], lambda r: r["post"], ACCURACY, "both arrays begin"),
        (lambda r: r["pre"], lambda r: r["pre"], ACCURACY, "no array begins"),
        (
            lambda r: r["post"][:, ::-1],
            lambda r: r["pre"],
            ACCURACY,
            "rows that begin with padding",
        ),
        (lambda r: r["post"][:1000], lambda r: r["pre"], ACCURACY, "has the shape (1000, 100)"),
        (lambda r: r["post"].T, lambda r: r["pre"], ACCURACY, "has the shape (100, 6000)"),
        (lambda r: np.ones((6000, 100)), lambda r: r["pre"], ACCURACY, "has no padding"),
        (lambda r: r["post"], lambda r: reviews(1)["pre"], ACCURACY, "not the same reviews"),
        (lambda r: r["post"], lambda r: r["pre"], (0.7, 0.8), "no dict"),
        (lambda r: r["post"], lambda r: r["pre"], {"first": 0.7, "last": None}, "fill in both"),
        (lambda r: r["post"], lambda r: r["pre"], {"first": 76, "last": 79}, "not in %"),
        (lambda r: r["post"], lambda r: r["pre"], {"first": 0.5, "last": 0.79}, "above guessing"),
        (lambda r: r["post"], lambda r: r["pre"], {"first": 0.76, "last": 0.95}, "validation part"),
        (lambda r: r["post"], lambda r: r["pre"], {"first": 0.8, "last": 0.76}, "lead by 0.040"),
    ],
)
def test_words_kept_refused(is_refused, first, last, accuracy, sentence):
    is_refused("04.2", sentence, first(reviews()), last(reviews()), accuracy)


def model_from(read_out, mask=True, gru=gru_tf.GRU, activation="sigmoid", outputs=1, loss="mse"):
    ids = keras.Input((None,), dtype="int32")
    words = keras.layers.Embedding(60, 8, mask_zero=mask)(ids)
    h, h_last = gru(6, return_sequences=True, return_state=True)(words)
    joined = read_out(h, h_last)
    model = keras.Model(ids, keras.layers.Dense(outputs, activation=activation)(joined))
    if loss:
        model.compile("adam", loss)
    return model


def join(*parts):
    return keras.layers.Concatenate()(parts)


def mean_of(h):
    return keras.layers.GlobalAveragePooling1D()(h)


def in_order(h, h_last):
    return join(mean_of(h), h_last)


def last_first(h, h_last):
    return keras.layers.Dropout(0.5)(join(h_last, mean_of(h)))


def last_of_all(h, h_last):
    return keras.ops.concatenate([mean_of(h), h[:, -1]], axis=1)


def with_a_hidden_layer(activation="sigmoid"):
    ids = keras.Input((None,), dtype="int32")
    words = keras.layers.Embedding(60, 8, mask_zero=True)(ids)
    h, h_last = keras.layers.GRU(6, return_sequences=True, return_state=True)(words)
    hidden = keras.layers.Dense(5, activation="relu")(join(mean_of(h), h_last))
    model = keras.Model(ids, keras.layers.Dense(1, activation=activation)(hidden))
    model.compile("adam", "binary_crossentropy")
    return model


def with_a_head(head):
    """Return a compiled model whose outputs `head` makes of mean and last state."""
    ids = keras.Input((None,), dtype="int32")
    words = keras.layers.Embedding(60, 8, mask_zero=True)(ids)
    h, h_last = gru_tf.GRU(6, return_sequences=True, return_state=True)(words)
    model = keras.Model(ids, head(in_order(h, h_last)))
    model.compile("adam", "binary_crossentropy")
    return model


def sigmoid_apart(x):
    return keras.layers.Activation("sigmoid")(keras.layers.Dense(1)(x))


def sigmoid_without_bias(x):
    return keras.layers.Dense(1, activation="sigmoid", use_bias=False)(x)


def one_of_a_softmax(x):
    return keras.layers.Dense(2, activation="softmax")(x)[:, 1:]


def linear_apart(x):
    return keras.layers.Activation("linear")(keras.layers.Dense(1)(x))


def half_of_a_sigmoid(x):
    return keras.layers.Dense(1, activation="sigmoid")(x) / 2


@pytest.mark.parametrize("read_out", [in_order, last_first, last_of_all])
def test_mean_and_last(is_right, read_out):
    is_right("04.3", lambda: model_from(read_out))


def test_mean_and_last_by_keras(is_right):
    is_right("04.3", lambda: model_from(in_order, gru=keras.layers.GRU))
    is_right("04.3", with_a_hidden_layer)


@pytest.mark.parametrize("head", [sigmoid_apart, sigmoid_without_bias, one_of_a_softmax])
def test_mean_and_last_by_other_heads(is_right, head):
    is_right("04.3", lambda: with_a_head(head))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda: with_a_head(linear_apart), "no probability: the last layer needs a sigmoid"),
        (lambda: with_a_head(half_of_a_sigmoid), "can't come near both 0 and 1"),
        (lambda: with_a_hidden_layer(None), "no probability: the last layer needs a sigmoid"),
        (lambda: with_a_hidden_layer("softmax"), "a softmax of one number is 1"),
    ],
)
def test_mean_and_last_without_a_probability(is_refused, answer, sentence):
    is_refused("04.3", sentence, answer)


def plain_mean(h):
    return keras.ops.mean(h, axis=1)


@pytest.mark.parametrize(
    ("read_out", "settings", "sentence"),
    [
        (lambda h, last: mean_of(h), {}, "only the mean is read"),
        (lambda h, last: last, {}, "only the last state is read"),
        (in_order, {"mask": False}, "mask_zero=True"),
        (lambda h, last: join(plain_mean(h), last), {}, "the padded steps count in the mean"),
        (
            lambda h, last: join(keras.layers.GlobalMaxPooling1D()(h), last),
            {},
            "the largest values are read",
        ),
        (lambda h, last: join(mean_of(h), h[:, 0]), {}, "the first state is read"),
        (lambda h, last: join(last, h[:, -1]), {}, "the last state is read twice"),
        (lambda h, last: join(mean_of(h), mean_of(h)), {}, "the mean is read twice"),
        (lambda h, last: mean_of(h) + last, {}, "are added"),
        (lambda h, last: join(mean_of(h), last, last), {}, "12 numbers"),
        (lambda h, last: join(mean_of(h), -last), {}, "not the mean and the last state"),
        (in_order, {"activation": None}, "needs a sigmoid"),
        (in_order, {"activation": "tanh"}, "needs a sigmoid"),
        (in_order, {"activation": "relu"}, "needs a sigmoid"),
        (in_order, {"activation": "softmax"}, "a softmax of one number is 1"),
        (in_order, {"outputs": 2}, "not (None, 1)"),
        (in_order, {"loss": None}, "not compiled"),
    ],
)
def test_mean_and_last_refused(is_refused, read_out, settings, sentence):
    is_refused("04.3", sentence, lambda: model_from(read_out, **settings))


def of_100_words():
    model = model_from(in_order)
    ids = keras.Input((100,), dtype="int32")
    model = keras.Model(ids, model(ids))
    model.compile("adam", "mse")
    return model


def of_two_layers():
    ids = keras.Input((None,), dtype="int32")
    words = keras.layers.Embedding(60, 8, mask_zero=True)(ids)
    h, h_last = keras.layers.GRU(6, return_sequences=True)(words), keras.layers.GRU(6)(words)
    outputs = keras.layers.Dense(1, activation="sigmoid")(in_order(h, h_last))
    model = keras.Model(ids, outputs)
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize(
    ("answer", "sentence"), [(of_100_words, "reads 100 words"), (of_two_layers, "has 2 GRUs")]
)
def test_a_model_of_another_shape(is_refused, answer, sentence):
    is_refused("04.3", sentence, answer)


def test_what_is_no_model(is_refused):
    is_refused("04.3", "KerasTensor, not a model", lambda: keras.Input((3,)))
