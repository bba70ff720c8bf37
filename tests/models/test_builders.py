"""Every builder, pasted on its own under `import keras`, as a student would."""

import functools
import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

import gru_tf
from gru_tf import models

BUILDERS = {name: f for name, f in vars(models).items() if name.startswith("build_")}
RNG = np.random.default_rng(0)
REVIEWS = (RNG.integers(1, 50, (8, 12)), RNG.integers(0, 2, (8, 1)))  # short ones, of 50 words
# Source texts of 50 ids, and what is told to the decoder, of 20: padded to 12 and to 6.
SOURCE = RNG.integers(4, 50, (8, 12)) * (np.arange(12) < RNG.integers(3, 13, (8, 1)))
TARGET = RNG.integers(4, 20, (8, 6)) * (np.arange(6) < RNG.integers(1, 6, (8, 1)))
TARGET[np.arange(8), (TARGET != 0).sum(axis=1)] = 3
TOLD = models.teacher_inputs(TARGET, start=1, end=3)
TRANSLATION = (
    {"num_source": 50, "num_target": 20},
    [SOURCE, TOLD],
    TARGET,
    (8, 6, 20),
)
WORDS = {"num_words": 50, "embedding_dim": 3}
# A row for each builder: its arguments, x, y, and the shape of an output.
CASES = {
    "build_attention_translator": TRANSLATION,
    "build_bidirectional_sentiment_classifier": (WORDS, *REVIEWS, (8, 1)),
    "build_forecaster": (
        {"window": 10, "n_features": 2, "horizon": 3},
        RNG.normal(size=(8, 10, 2)),
        RNG.normal(size=(8, 3)),
        (8, 3),
    ),
    "build_language_model": (
        {"num_tokens": 50, "embedding_dim": 3},
        REVIEWS[0],
        RNG.integers(1, 50, (8, 12)),
        (8, 12, 50),
    ),
    "build_music_model": (
        {"num_pitches": 50, "num_lengths": 60, "embedding_dim": 3},
        [REVIEWS[0], REVIEWS[0] + 1],
        [RNG.integers(1, 50, (8, 12)), RNG.integers(1, 60, (8, 12))],
        (8, 12, 110),
    ),
    "build_next_value_regressor": (
        {},
        RNG.normal(size=(8, 10, 1)),
        RNG.normal(size=(8, 1)),
        (8, 1),
    ),
    "build_peak_sentiment_classifier": (WORDS, *REVIEWS, (8, 1)),
    "build_pooled_sentiment_classifier": (WORDS, *REVIEWS, (8, 1)),
    "build_sentiment_classifier": (WORDS, *REVIEWS, (8, 1)),
    "build_sequence_classifier": (
        {"n_features": 2, "n_classes": 5},
        RNG.normal(size=(8, 12, 2)),
        RNG.integers(0, 5, 8),
        (8, 5),
    ),
    "build_tabular_regressor": ({}, RNG.normal(size=(8, 13, 1)), RNG.normal(size=(8, 1)), (8, 1)),
    "build_translator": TRANSLATION,
}
PEAK = "build_peak_sentiment_classifier"
POOLED = "build_pooled_sentiment_classifier"
MASKED = sorted(name for name in CASES if name.endswith("_classifier"))


def small_arguments(name):
    return {"units": 4, **CASES[name][0]}


def data_for(name):
    return CASES[name][1:3]


def predict(model, x):
    """Return what a model says, several outputs side by side."""
    outputs = model(x)  # which costs less than to trace a graph for `model.predict`
    return np.concatenate(outputs, axis=-1) if isinstance(outputs, list) else outputs


def test_each_builder_has_a_row():
    exported = {name for name in models.__all__ if name.startswith("build_")}
    assert sorted(CASES) == sorted(BUILDERS) == sorted(exported)


def train(builder, name, **options):
    keras.utils.set_random_seed(1)
    model = builder(**small_arguments(name), **options)
    history = model.fit(*data_for(name), batch_size=4, epochs=2, verbose=0)  # four steps
    assert np.isfinite(history.history["loss"]).all()
    return model


@functools.cache
def train_pasted(name):
    pasted = {}
    exec("import keras\n\n" + inspect.getsource(BUILDERS[name]), pasted)
    return train(pasted[name], name)


@pytest.mark.parametrize("name", BUILDERS)
def test_a_pasted_builder_trains_saves_and_loads(name, tmp_path):
    model, x = train_pasted(name), data_for(name)[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(predict(loaded, x), predict(model, x), rtol=1e-5)


@pytest.mark.parametrize("name", BUILDERS)
def test_this_package_s_layer_gives_the_same_model(name):
    ours, x = train(BUILDERS[name], name, gru=gru_tf.GRU), data_for(name)[0]
    np.testing.assert_allclose(predict(ours, x), predict(train_pasted(name), x), atol=1e-4)


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("gru", [keras.layers.LSTM, keras.layers.SimpleRNN])
def test_other_recurrent_layers_fit_in(name, gru):
    model = BUILDERS[name](**small_arguments(name), gru=gru)
    assert predict(model, data_for(name)[0]).shape == CASES[name][3]


@pytest.mark.parametrize("name", BUILDERS)
def test_the_arguments_reach_the_model(name):
    model = BUILDERS[name](**small_arguments(name), dropout=0.25, learning_rate=0.02)
    assert float(model.optimizer.learning_rate.numpy()) == pytest.approx(0.02)
    assert model.get_layer("dropout").rate == 0.25
    for layer in ("encoder", "decoder") if name.endswith("_translator") else ("gru",):
        gru = model.get_layer(layer)
        assert getattr(gru, "forward_layer", gru).units == 4


def test_padding_does_not_change_a_verdict():
    for name in MASKED:
        model = BUILDERS[name](**small_arguments(name))
        x, _ = data_for(name)
        padded = np.pad(x, ((0, 0), (0, 5), (0, 0))[: x.ndim])
        np.testing.assert_allclose(model(padded), model(x), atol=1e-6)


@pytest.fixture
def padded_reviews():
    x, _ = REVIEWS
    return np.pad(x[:2], ((0, 0), (0, 5))) * (np.arange(17) < [[4], [12]])  # 4 and 12 words


def test_pooled_classifier_reads_the_mean_of_the_words_states(padded_reviews):
    model = models.build_pooled_sentiment_classifier(**small_arguments(POOLED))
    outputs = [model.get_layer(name).output for name in ("gru", "mean")]
    h, mean = keras.Model(model.input, outputs).predict(padded_reviews, verbose=0)
    np.testing.assert_allclose(mean, [h[0, :4].mean(axis=0), h[1, :12].mean(axis=0)], rtol=1e-5)


def test_padding_is_no_peak_however_low_the_states_are(padded_reviews):
    model = models.build_peak_sentiment_classifier(**small_arguments(PEAK), gru=gru_tf.MinGRU)
    kernel, bias = model.get_layer("gru").get_weights()
    bias[len(bias) // 2 :] = -7.0  # a MinGRU's states have no bounds
    model.get_layer("gru").set_weights([kernel, bias])
    alone = model.predict(padded_reviews[:1, :4], verbose=0)
    np.testing.assert_allclose(model.predict(padded_reviews, verbose=0)[:1], alone, rtol=1e-5)


def test_peak_classifier_reads_the_last_state_and_the_words_peaks(padded_reviews):
    keras.utils.set_random_seed(2)
    model = models.build_peak_sentiment_classifier(**small_arguments(PEAK), word_dropout=0.25)
    assert model.get_layer("word_dropout").rate == 0.25
    *kernels, bias = model.get_layer("gru").get_weights()
    model.get_layer("gru").set_weights([*kernels, bias - 1])
    outputs = [model.get_layer("gru").output[0], model.get_layer("read_out").output]
    h, read_out = keras.Model(model.input, outputs).predict(padded_reviews, verbose=0)
    peaks = np.stack([h[0, :4].max(axis=0), h[1, :12].max(axis=0)])
    assert peaks.max() < 0  # so that zeros in place of the padded states would show
    np.testing.assert_allclose(read_out, np.hstack([[h[0, 3], h[1, 11]], peaks]), rtol=1e-5)
    # cuDNN leaves zeros at padded steps, where a CPU repeats the last state.
    zeros = functools.partial(keras.layers.GRU, zero_output_for_mask=True)
    as_on_gpu = models.build_peak_sentiment_classifier(**small_arguments(PEAK), gru=zeros)
    as_on_gpu.set_weights(model.get_weights())
    expected = model.predict(padded_reviews, verbose=0)
    np.testing.assert_allclose(as_on_gpu.predict(padded_reviews, verbose=0), expected, rtol=1e-5)


def test_the_mean_passes_more_of_the_gradient_to_the_first_word():
    words = tf.constant(np.random.default_rng(0).normal(size=(1, 60, 3)).astype("float32"))

    def share_of_first_word(name):
        keras.utils.set_random_seed(0)
        model = BUILDERS[name](**small_arguments(name))
        with tf.GradientTape() as tape:
            tape.watch(words)
            h = words
            for layer in model.layers[2:]:  # after the ids and their embedding
                h = layer(h)
        norms = np.linalg.norm(tape.gradient(h, words)[0], axis=1)
        return norms[0] / norms.sum()

    last, mean = map(
        share_of_first_word, ("build_sentiment_classifier", "build_pooled_sentiment_classifier")
    )
    assert mean > 100 * last


def test_the_forecaster_gives_all_values_of_the_horizon_at_once():
    # A linear rule with no noise, which only a model that tells the outputs apart can fit.
    x = np.random.default_rng(0).normal(size=(512, 6, 1)).astype("float32")
    y = x[:, -1] * [[1.0, -1.0, 0.5]]
    keras.utils.set_random_seed(0)
    model = models.build_forecaster(window=6, horizon=3, units=16, learning_rate=0.02)
    model.fit(x, y, epochs=15, verbose=0)
    assert model.evaluate(x, y, verbose=0)[0] < 0.05 * y.var()


@pytest.mark.slow
def test_the_sequence_classifier_tells_classes_and_gives_probabilities():
    # The class is where the one pulse of a noisy sequence stands, of three lengths.
    rng = np.random.default_rng(0)
    x, y = np.zeros((300, 9, 2), "float32"), rng.integers(0, 3, 300)
    for i, length in enumerate(rng.integers(7, 10, 300)):
        x[i, :length] = rng.normal(0, 0.1, (length, 2))
        x[i, 2 * y[i]] += 2
    keras.utils.set_random_seed(0)
    model = models.build_sequence_classifier(n_features=2, n_classes=3, learning_rate=0.02)
    model.fit(x, y, epochs=15, verbose=0)
    p = model.predict(x, verbose=0)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    assert (p.argmax(axis=1) == y).mean() > 0.95
    expected = -np.log(p[np.arange(300), y]).mean()
    assert model.evaluate(x, y, verbose=0)[0] == pytest.approx(expected, rel=1e-4)
