"""Builders for texts that are written token by token: a language model."""

import keras


def build_language_model(
    num_tokens=100,
    embedding_dim=64,
    units=128,
    dropout=0.0,
    learning_rate=2e-3,
    metrics=None,
    gru=keras.layers.GRU,
):
    """Build a GRU that reads a text token by token and says at each step what comes next.

    The output has weights of its own. To tie it to the embedding, so that one table serves
    both, needs as many units as the embedding has dimensions: that saves weights where there
    are many tokens, as with words, and nothing worth it where there are few, as with
    characters.

    Args:
        num_tokens: Token ids run from 0 to num_tokens - 1.
        embedding_dim: Size of each token's vector.
        units: Size of the hidden state.
        dropout: Fraction of the vectors and of the states dropped in training, in [0, 1).
        learning_rate: Step size of Adam. Gradients are clipped to a norm of 1.
        metrics: Metrics that leave out the padding, such as `[gru_tf.text.Perplexity()]`.
        gru: A recurrent layer class with the signature of `keras.layers.GRU`.

    Returns:
        A compiled `keras.Model` from token ids, (batch, time), right-padded with 0, to
        the probability of each token to be the next, (batch, time, num_tokens), with sparse
        categorical cross-entropy as its loss, for y (batch, time): x moved on by one.
        A mask hides the padding from the GRU and from the loss.

    Example:

    >>> model = build_language_model(num_tokens=80)
    >>> model.output_shape
    (None, None, 80)
    """
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    embedding = keras.layers.Embedding(num_tokens, embedding_dim, mask_zero=True, name="embedding")
    vectors = embedding(tokens)  # (batch, time, embedding_dim)
    vectors = keras.layers.Dropout(dropout, name="dropout")(vectors)
    states = gru(units, return_sequences=True, name="gru")(vectors)  # (batch, time, units)
    states = keras.layers.Dropout(dropout, name="state_dropout")(states)
    outputs = keras.layers.Dense(num_tokens, activation="softmax", name="next_token")(states)
    model = keras.Model(tokens, outputs, name="gru_language_model")
    optimizer = keras.optimizers.Adam(learning_rate, clipnorm=1.0)
    loss = "sparse_categorical_crossentropy"
    model.compile(optimizer, loss, weighted_metrics=metrics)
    return model
