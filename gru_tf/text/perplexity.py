"""Perplexity: between how many tokens a language model still has to guess."""

import keras
from keras import ops

from gru_tf.checks import check_at_least, check_flag, check_id_lists, check_model
from gru_tf.text.vocabulary import PADDING


@keras.saving.register_keras_serializable(package="gru_tf")
class Perplexity(keras.metrics.Mean):
    r"""The exponential of the mean cross-entropy of the tokens that are not padding.

    $$\exp\Big(-\frac{1}{N} \sum_{t} \ln p(w_t \mid w_{<t})\Big)$$

    The mean is over all N tokens since the last reset, and not over batches: batches of short
    texts count less. Its binary logarithm is the number of bits a token.

    Args:
        ignore_class: The target that is left out, or None.
        from_logits: Whether predictions are logits and not probabilities.
        name: Name of the metric.
        dtype: Dtype of the result.

    Call arguments:
        y_true: Token ids, (batch, time).
        y_pred: Probabilities or logits, (batch, time, num_tokens).
        sample_weight: Weights, (batch, time), (batch, 1) or (batch,), or None.

    Example:

    >>> metric = Perplexity()
    >>> metric.update_state([[2, 0]], [[[0.0, 0.5, 0.5], [0.0, 0.5, 0.5]]])
    >>> round(float(metric.result()), 4)
    2.0

    Source: Jurafsky and Martin, Speech and Language Processing, chapter 3.
    """

    def __init__(self, ignore_class=PADDING, from_logits=False, name="perplexity", dtype=None):
        check_at_least("ignore_class", 0 if ignore_class is None else ignore_class, 0)
        check_flag("from_logits", from_logits)
        super().__init__(name=name, dtype=dtype)
        self.ignore_class, self.from_logits = ignore_class, from_logits

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = ops.cast(y_true, "int32"), ops.convert_to_tensor(y_pred)
        if len(y_true.shape) == len(y_pred.shape):  # Keras gives (batch, 1) for (batch,)
            y_true = ops.squeeze(y_true, -1)
        loss = ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=self.from_logits)
        counted = ops.ones_like(loss)
        if self.ignore_class is not None:
            counted = ops.cast(ops.not_equal(y_true, self.ignore_class), loss.dtype)
        if sample_weight is not None:
            weight = ops.cast(sample_weight, loss.dtype)
            if len(weight.shape) > len(loss.shape):  # a column of weights, one a row
                weight = ops.squeeze(weight, -1)
            missing = len(loss.shape) - len(weight.shape)
            counted *= ops.reshape(weight, (*ops.shape(weight), *(1,) * missing))
        # A probability of 0 for what isn't counted must not turn the sum into NaN.
        loss = ops.where(counted > 0, loss, 0.0)
        # Flat: of rows, the mean of each would count as one, however many tokens it has.
        super().update_state(ops.reshape(loss, (-1,)), ops.reshape(counted, (-1,)))

    def result(self):
        return ops.exp(super().result())

    def get_config(self):
        own = {"ignore_class": self.ignore_class, "from_logits": self.from_logits}
        return {"name": self.name, "dtype": self.dtype, **own}


def log_probabilities(model, sequences, batch_size=64):
    """Return how likely each token was to a model, given those before it.

    Args:
        model: A model as `build_language_model` makes, of probabilities.
        sequences: Lists of ids, each with a first token that is read and not predicted.
        batch_size: Number of sequences read at once.

    Returns:
        A list with an array for each sequence: natural logarithms, for each of its tokens but
        the first, as `NGrams.log_probabilities` returns it.

    Raises:
        TypeError: If model isn't a Keras model, or sequences are no lists of integers.
        ValueError: If batch_size is below 1, the model has another output than one of (batch,
            time, num_tokens), a sequence is empty, or an id isn't below num_tokens.

    Example:

    >>> perplexity = np.exp(-np.concatenate(log_probabilities(model, ids)).mean())  # doctest: +SKIP
    """
    check_at_least("batch_size", batch_size, 1)
    check_model("model", model)
    shape = getattr(model, "output_shape", (None, None, None))  # unknown of a class of one's own
    if len(shape) != 3 or not all(size is None or isinstance(size, int) for size in shape):
        raise ValueError(
            "model must return one output, (batch, time, num_tokens). Received a model of "
            f"output_shape={shape}."
        )
    check_id_lists("sequences", sequences, below=shape[-1])
    found = []
    for begin in range(0, len(sequences), batch_size):  # all at once may be gigabytes
        rows = sequences[begin : begin + batch_size]
        steps = max(1, *(len(row) - 1 for row in rows))  # 1 of padding, if no row has two
        x = keras.utils.pad_sequences([row[:-1] for row in rows], steps, padding="post")
        y = keras.utils.pad_sequences([row[1:] for row in rows], steps, padding="post")
        p = ops.take_along_axis(model(x, training=False), y[..., None], axis=-1)
        logs = ops.convert_to_numpy(ops.log(p[..., 0]))
        found += [row_logs[: len(row) - 1] for row_logs, row in zip(logs, rows, strict=True)]
    return found
