"""What an import of the package brings with it, each time in a fresh process."""

import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest

import gru_tf
from gru_tf.text import TextToWordIds


def run(code, *arguments):
    """Run Python code in a process of its own and return what it prints."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_equations_need_numpy_alone():
    packages = run("""
        import sys
        before = set(sys.modules)
        import gru_tf.convert, gru_tf.equations, gru_tf.weights
        new = {name.partition(".")[0] for name in set(sys.modules) - before}
        print(sorted(new - sys.stdlib_module_names))
    """)
    assert packages == "['gru_tf', 'numpy']"


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    """Return the path of a saved model that has each of the package's layers."""
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    texts = keras.Input((), dtype="string")
    x = TextToWordIds(["good"], maxlen=5)(texts)
    x = keras.layers.Embedding(5, 3)(x)
    x = keras.layers.RNN(gru_tf.GRUCell(2), return_sequences=True)(x)
    keras.Model(texts, gru_tf.GRU(2)(x)).save(path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    "imports",
    [
        "import keras; import gru_tf",
        "import gru_tf; import keras",
        "import gru_tf.equations; import keras",
        "import gru_tf; from keras.models import load_model; import keras",
        "import gru_tf; import tensorflow; keras = tensorflow.keras",
        "import gru_tf, importlib.util; importlib.util.find_spec('keras'); import keras",
    ],
)
def test_saved_models_load_after_import_gru_tf(saved_model, imports):
    code = "; print(keras.models.load_model(sys.argv[1]).layers[-1].__class__)"
    assert run(f"import sys; {imports}{code}", saved_model) == "<class 'gru_tf.layers.GRU'>"


def test_names_of_the_package():
    import gru_tf.layers as layers

    assert gru_tf.GRU is layers.GRU
    assert gru_tf.GRUCell is layers.GRUCell
    assert {"GRU", "GRUCell", "__version__"} <= set(dir(gru_tf))
    assert np.all([hasattr(gru_tf, name) for name in gru_tf.__all__])
    with pytest.raises(AttributeError, match="no attribute 'LSTM'"):
        _ = gru_tf.LSTM
