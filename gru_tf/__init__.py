"""Understand, use and tune the Gated Recurrent Unit.

``gru_tf.GRU`` is a drop-in for ``keras.layers.GRU``; importing the package is all
that ``keras.models.load_model`` needs to find it. The rest is in modules, one job
each, and heavy libraries are imported by the modules that need them: the layers are
imported at their first use, or with Keras, whichever comes first, so that
``gru_tf.equations`` does without both.
"""

import importlib
import importlib.abc
import importlib.util
import sys

__all__ = ["GRU", "GRUCell", "MinGRU"]
__version__ = "0.1.0"


def __getattr__(name):
    if name in __all__:
        module = "gru_tf.min_gru" if name == "MinGRU" else "gru_tf.layers"
        return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module 'gru_tf' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})


def _register_layers():
    """Import the layers, which makes them known to Keras under their names in saved models."""
    for module in ("gru_tf.layers", "gru_tf.min_gru", "gru_tf.text"):
        importlib.import_module(module)


class _RegisterLayersWithKeras(importlib.abc.MetaPathFinder):
    """Find Keras as others would, and register the layers once it has been imported."""

    searching = False

    def find_spec(self, name, path=None, target=None):
        if name != "keras" or self.searching:
            return None
        self.searching = True  # so that the other finders answer
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self.searching = False
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = self._and_register(spec.loader.exec_module)
        return spec

    def _and_register(self, execute):
        def execute_and_register(module):
            execute(module)
            sys.meta_path.remove(self)
            _register_layers()

        return execute_and_register


if "keras" in sys.modules:
    _register_layers()
else:
    sys.meta_path.insert(0, _RegisterLayersWithKeras())
