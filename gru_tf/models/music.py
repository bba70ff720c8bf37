"""A builder for melodies: each note has a pitch and a length."""

import keras


def build_music_model(
    num_pitches=50,
    num_lengths=15,
    embedding_dim=32,
    units=128,
    dropout=0.4,
    learning_rate=4e-3,
    gru=keras.layers.GRU,
):
    """Build a GRU that reads a melody note by note and says what comes next.

    Pitch and length are two inputs and two outputs of one state. Given the state, the two
    are said independently: a note's probability is the product.

    Args:
        num_pitches: Pitch ids run from 0 to num_pitches - 1.
        num_lengths: Length ids run from 0 to num_lengths - 1.
        embedding_dim: Size of the vector of a pitch, and of that of a length.
        units: Size of the hidden state.
        dropout: Fraction of the vectors and of the states dropped in training, in [0, 1).
        learning_rate: Step size of Adam. Gradients are clipped to a norm of 1.
        gru: A recurrent layer class with the signature of `keras.layers.GRU`.

    Returns:
        A compiled `keras.Model` from pitch ids and length ids, (batch, time) each,
        right-padded with 0, to the probability of each pitch and of each length to be the
        next, (batch, time, num_pitches) and (batch, time, num_lengths). Its loss is the sum
        of both sparse categorical cross-entropies, for two y (batch, time): x moved on by
        one. A mask hides the padding from the GRU and from the loss.

    Example:

    >>> model = build_music_model(num_pitches=40, num_lengths=12)
    >>> model.output_shape
    [(None, None, 40), (None, None, 12)]
    """
    pitches = keras.Input((None,), dtype="int32", name="pitches")
    lengths = keras.Input((None,), dtype="int32", name="lengths")
    pitch = keras.layers.Embedding(num_pitches, embedding_dim, mask_zero=True, name="pitch")
    length = keras.layers.Embedding(num_lengths, embedding_dim, mask_zero=True, name="length")
    note = keras.layers.Concatenate(name="note")  # (batch, time, 2 embedding_dim)
    notes = note([pitch(pitches), length(lengths)])
    notes = keras.layers.Dropout(dropout, name="dropout")(notes)
    states = gru(units, return_sequences=True, name="gru")(notes)  # (batch, time, units)
    states = keras.layers.Dropout(dropout, name="state_dropout")(states)
    next_pitch = keras.layers.Dense(num_pitches, activation="softmax", name="next_pitch")(states)
    next_length = keras.layers.Dense(num_lengths, activation="softmax", name="next_length")(states)
    model = keras.Model([pitches, lengths], [next_pitch, next_length], name="gru_music")
    optimizer = keras.optimizers.Adam(learning_rate, clipnorm=1.0)
    model.compile(optimizer, loss=2 * ["sparse_categorical_crossentropy"])
    return model
