"""Model builders to copy: paste a function under ``import keras`` and it runs.

Each takes ``gru=``, any class with the signature of ``keras.layers.GRU``: pass
``gru=gru_tf.GRU`` for the fast layer of this package, or ``keras.layers.LSTM``
and ``keras.layers.SimpleRNN`` to compare. The default is Keras' own layer,
which is cuDNN on a GPU.
"""

from gru_tf.models.music import build_music_model
from gru_tf.models.regression import build_next_value_regressor, build_tabular_regressor
from gru_tf.models.sentiment import (
    build_bidirectional_sentiment_classifier,
    build_peak_sentiment_classifier,
    build_pooled_sentiment_classifier,
    build_sentiment_classifier,
)
from gru_tf.models.sequences import build_forecaster, build_sequence_classifier
from gru_tf.models.text import build_language_model
from gru_tf.models.translation import (
    build_attention_translator,
    build_translator,
    decode_step,
    encode,
    teacher_inputs,
)

__all__ = [
    "build_attention_translator",
    "build_bidirectional_sentiment_classifier",
    "build_forecaster",
    "build_language_model",
    "build_music_model",
    "build_next_value_regressor",
    "build_peak_sentiment_classifier",
    "build_pooled_sentiment_classifier",
    "build_sentiment_classifier",
    "build_sequence_classifier",
    "build_tabular_regressor",
    "build_translator",
    "decode_step",
    "encode",
    "teacher_inputs",
]
