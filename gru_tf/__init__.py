"""Understand, use and tune the Gated Recurrent Unit.

``gru_tf.GRU`` is a drop-in for ``keras.layers.GRU``; importing the package is all
that ``keras.models.load_model`` needs to find it. The rest is in modules, one job
each, and heavy libraries are imported by the modules that need them.
"""

from gru_tf.layers import GRU, GRUCell
from gru_tf.min_gru import MinGRU
from gru_tf.text import TextToWordIds as _TextToWordIds  # noqa: F401 - for load_model to find

__all__ = ["GRU", "GRUCell", "MinGRU"]
__version__ = "0.1.0"
