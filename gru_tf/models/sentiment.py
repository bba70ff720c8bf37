"""Builders for the sentiment of a text, from its word ids."""

import keras


def build_sentiment_classifier(
    num_words=10_000,
    embedding_dim=128,
    units=128,
    dropout=0.0,
    learning_rate=1e-3,
    gru=keras.layers.GRU,
):
    """Build a GRU that reads a review, word by word, and says if it is positive.

    Args:
        num_words: Size of the vocabulary: word ids run from 0 to num_words - 1,
            and 0 is padding, which the mask hides from the GRU.
        embedding_dim: Length of a word's vector.
        units: Size of the hidden state.
        dropout: Fraction of the last hidden state dropped in training, in [0, 1).
        learning_rate: Step size of Adam.
        gru: A recurrent layer class with the signature of `keras.layers.GRU`.

    Returns:
        A compiled `keras.Model` from right-padded word ids, (batch, time), to the
        probability that the review is positive, (batch, 1), with binary
        cross-entropy as its loss and accuracy as its metric.

    Example:

    >>> model = build_sentiment_classifier(units=32, dropout=0.5)
    >>> model.output_shape
    (None, 1)
    """
    word_ids = keras.Input((None,), dtype="int32", name="word_ids")
    words = keras.layers.Embedding(num_words, embedding_dim, mask_zero=True, name="words")(word_ids)
    h_last = gru(units, name="gru")(words)  # (batch, units)
    h_last = keras.layers.Dropout(dropout, name="dropout")(h_last)
    outputs = keras.layers.Dense(1, activation="sigmoid", name="positive")(h_last)  # (batch, 1)
    model = keras.Model(word_ids, outputs, name="gru_sentiment_classifier")
    optimizer = keras.optimizers.Adam(learning_rate)
    model.compile(optimizer, loss="binary_crossentropy", metrics=["accuracy"])
    return model


def build_bidirectional_sentiment_classifier(
    num_words=10_000,
    embedding_dim=128,
    units=64,
    dropout=0.0,
    learning_rate=1e-3,
    gru=keras.layers.GRU,
):
    """Build a sentiment classifier that reads a review from both ends.

    Args:
        num_words: Size of the vocabulary: word ids run from 0 to num_words - 1,
            and 0 is padding, which the mask hides from both GRUs.
        embedding_dim: Length of a word's vector.
        units: Size of the hidden state in each direction.
        dropout: Fraction of the last hidden states dropped in training, in [0, 1).
        learning_rate: Step size of Adam.
        gru: A recurrent layer class with the signature of `keras.layers.GRU`.

    Returns:
        A compiled `keras.Model` from right-padded word ids, (batch, time), to the
        probability that the review is positive, (batch, 1), with binary
        cross-entropy as its loss and accuracy as its metric.

    Example:

    >>> model = build_bidirectional_sentiment_classifier(units=16)
    >>> model.output_shape
    (None, 1)
    """
    word_ids = keras.Input((None,), dtype="int32", name="word_ids")
    words = keras.layers.Embedding(num_words, embedding_dim, mask_zero=True, name="words")(word_ids)
    h_both = keras.layers.Bidirectional(gru(units), name="gru")(words)  # (batch, 2 * units)
    h_both = keras.layers.Dropout(dropout, name="dropout")(h_both)
    outputs = keras.layers.Dense(1, activation="sigmoid", name="positive")(h_both)  # (batch, 1)
    model = keras.Model(word_ids, outputs, name="bidirectional_gru_sentiment_classifier")
    optimizer = keras.optimizers.Adam(learning_rate)
    model.compile(optimizer, loss="binary_crossentropy", metrics=["accuracy"])
    return model


def build_pooled_sentiment_classifier(
    num_words=10_000,
    embedding_dim=128,
    units=128,
    dropout=0.0,
    learning_rate=1e-3,
    gru=keras.layers.GRU,
):
    """Build a sentiment classifier that reads the mean of all states, not only the last.

    The gradient reaches every word at once, where from the last state it must come
    through all steps between: so this one learns from fewer batches.

    Args:
        num_words: Size of the vocabulary: word ids run from 0 to num_words - 1,
            and 0 is padding, which the mask hides from the GRU and from the mean.
        embedding_dim: Length of a word's vector.
        units: Size of the hidden state.
        dropout: Fraction of the mean state dropped in training, in [0, 1).
        learning_rate: Step size of Adam.
        gru: A recurrent layer class with the signature of `keras.layers.GRU`.

    Returns:
        A compiled `keras.Model` from right-padded word ids, (batch, time), to the
        probability that the review is positive, (batch, 1), with binary
        cross-entropy as its loss and accuracy as its metric.

    Example:

    >>> model = build_pooled_sentiment_classifier(units=32)
    >>> model.output_shape
    (None, 1)
    """
    word_ids = keras.Input((None,), dtype="int32", name="word_ids")
    words = keras.layers.Embedding(num_words, embedding_dim, mask_zero=True, name="words")(word_ids)
    h = gru(units, return_sequences=True, name="gru")(words)  # (batch, time, units)
    h_mean = keras.layers.GlobalAveragePooling1D(name="mean")(h)  # (batch, units)
    h_mean = keras.layers.Dropout(dropout, name="dropout")(h_mean)
    outputs = keras.layers.Dense(1, activation="sigmoid", name="positive")(h_mean)  # (batch, 1)
    model = keras.Model(word_ids, outputs, name="pooled_gru_sentiment_classifier")
    optimizer = keras.optimizers.Adam(learning_rate)
    model.compile(optimizer, loss="binary_crossentropy", metrics=["accuracy"])
    return model


def build_peak_sentiment_classifier(
    num_words=10_000,
    embedding_dim=64,
    units=32,
    dropout=0.5,
    word_dropout=0.4,
    learning_rate=2e-3,
    gru=keras.layers.GRU,
):
    """Build a sentiment classifier that reads the last state and each unit's peak.

    A unit's peak is its largest value after any word. Its gradient goes straight to
    that one word, and what the last state knows of the end of a review is kept.

    Args:
        num_words: Size of the vocabulary: word ids run from 0 to num_words - 1,
            and 0 is padding, which the mask hides from the GRU, and which can't be
            the peak.
        embedding_dim: Length of a word's vector.
        units: Size of the hidden state.
        dropout: Fraction of the last state and the peaks dropped in training, in [0, 1).
        word_dropout: Fraction of the coordinates of word vectors dropped in training,
            the same for all words of a review, in [0, 1).
        learning_rate: Step size of Adam.
        gru: A recurrent layer class with the signature of `keras.layers.GRU`.

    Returns:
        A compiled `keras.Model` from right-padded word ids, (batch, time), to the
        probability that the review is positive, (batch, 1), with binary
        cross-entropy as its loss and accuracy as its metric.

    Example:

    >>> model = build_peak_sentiment_classifier(units=32)
    >>> model.output_shape
    (None, 1)
    """
    word_ids = keras.Input((None,), dtype="int32", name="word_ids")
    words = keras.layers.Embedding(num_words, embedding_dim, mask_zero=True, name="words")(word_ids)
    words = keras.layers.SpatialDropout1D(word_dropout, name="word_dropout")(words)
    states = gru(units, return_sequences=True, return_state=True, name="gru")(words)
    h, h_last = states[:2]  # (batch, time, units), (batch, units)
    padding = keras.ops.equal(word_ids, 0)[:, :, None]  # (batch, time, 1)
    h = keras.ops.where(padding, h_last[:, None], h)  # zeros after cuDNN, which could be a peak
    h_peak = keras.ops.max(h, axis=1)  # (batch, units)
    read_out = keras.layers.Concatenate(name="read_out")([h_last, h_peak])
    read_out = keras.layers.Dropout(dropout, name="dropout")(read_out)
    outputs = keras.layers.Dense(1, activation="sigmoid", name="positive")(read_out)  # (batch, 1)
    model = keras.Model(word_ids, outputs, name="peak_gru_sentiment_classifier")
    optimizer = keras.optimizers.Adam(learning_rate)
    model.compile(optimizer, loss="binary_crossentropy", metrics=["accuracy"])
    return model
