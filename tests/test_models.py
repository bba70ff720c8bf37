"""Every builder, pasted on its own under `import keras`, as a student would."""

import inspect

import keras
import numpy as np
import pytest

import gru_tf
from gru_tf import models

BUILDERS = {name: f for name, f in vars(models).items() if name.startswith("build_")}
RNG = np.random.default_rng(0)
VALUES = {
    "build_next_value_regressor": (RNG.normal(size=(8, 10, 1)), RNG.normal(size=(8, 1))),
    "build_tabular_regressor": (RNG.normal(size=(8, 13, 1)), RNG.normal(size=(8, 1))),
}
REVIEWS = (RNG.integers(1, 50, (8, 12)), RNG.integers(0, 2, (8, 1)))  # short ones, of 50 words


def small_arguments(name):
    return {"units": 4} if name in VALUES else {"units": 4, "num_words": 50, "embedding_dim": 3}


def data_for(name):
    return VALUES.get(name, REVIEWS)


@pytest.mark.parametrize("name", BUILDERS)
def test_a_pasted_builder_trains_saves_and_loads(name, tmp_path):
    pasted = {}
    exec("import keras\n\n" + inspect.getsource(BUILDERS[name]), pasted)
    keras.utils.set_random_seed(0)
    model = pasted[name](**small_arguments(name))
    x, y = data_for(name)
    history = model.fit(x, y, batch_size=4, epochs=1, verbose=0)  # two steps
    assert np.isfinite(history.history["loss"]).all()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5)


@pytest.mark.parametrize("name", BUILDERS)
def test_this_package_s_layer_gives_the_same_model(name):
    predictions = []
    for gru in (keras.layers.GRU, gru_tf.GRU):
        keras.utils.set_random_seed(1)
        model = BUILDERS[name](**small_arguments(name), gru=gru)
        x, y = data_for(name)
        model.fit(x, y, batch_size=4, epochs=2, verbose=0)
        predictions.append(model.predict(x, verbose=0))
    np.testing.assert_allclose(predictions[1], predictions[0], atol=1e-4)


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("gru", [keras.layers.LSTM, keras.layers.SimpleRNN])
def test_other_recurrent_layers_fit_in(name, gru):
    model = BUILDERS[name](**small_arguments(name), gru=gru)
    assert model.predict(data_for(name)[0], verbose=0).shape == (8, 1)


@pytest.mark.parametrize("name", BUILDERS)
def test_the_arguments_reach_the_model(name):
    model = BUILDERS[name](**small_arguments(name), dropout=0.25, learning_rate=0.02)
    assert float(model.optimizer.learning_rate.numpy()) == pytest.approx(0.02)
    assert model.get_layer("dropout").rate == 0.25
    gru = model.get_layer("gru")
    assert getattr(gru, "forward_layer", gru).units == 4


def test_padding_does_not_change_a_verdict():
    for name in set(BUILDERS) - set(VALUES):
        model = BUILDERS[name](**small_arguments(name))
        x, _ = data_for(name)
        padded = np.pad(x, ((0, 0), (0, 5)))
        np.testing.assert_allclose(model(padded), model(x), atol=1e-6)
