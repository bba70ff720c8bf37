"""Builders for sequences of vectors: what comes next, and of which class they are."""

import keras


def build_forecaster(
    window=24,
    n_features=1,
    units=32,
    dropout=0.0,
    learning_rate=1e-3,
    horizon=1,
    gru=keras.layers.GRU,
):
    """Build a GRU that reads a window of a series and forecasts the values after it.

    All values of the horizon are forecast at once, from the last hidden state: no
    forecast is fed back, so that no error is passed on from step to step.

    Args:
        window: Number of time steps read, or None for any number.
        n_features: Number of values at each time step.
        units: Size of the hidden state.
        dropout: Fraction of the last hidden state dropped in training, in [0, 1).
        learning_rate: Step size of Adam.
        horizon: Number of values forecast, such as 24 for every hour of the next day.
        gru: A recurrent layer class with the signature of `keras.layers.GRU`.

    Returns:
        A compiled `keras.Model` from (batch, window, n_features) to
        (batch, horizon), with mean squared error as its loss and mean absolute
        error as its metric.

    Example:

    >>> model = build_forecaster(window=72, n_features=4, horizon=24)
    >>> model.output_shape
    (None, 24)
    """
    inputs = keras.Input((window, n_features), name="window")
    h_last = gru(units, name="gru")(inputs)  # (batch, units)
    h_last = keras.layers.Dropout(dropout, name="dropout")(h_last)
    outputs = keras.layers.Dense(horizon, name="forecast")(h_last)  # (batch, horizon)
    model = keras.Model(inputs, outputs, name="gru_forecaster")
    model.compile(keras.optimizers.Adam(learning_rate), loss="mse", metrics=["mae"])
    return model


def build_sequence_classifier(
    n_features=12,
    n_classes=9,
    units=32,
    dropout=0.0,
    learning_rate=1e-3,
    gru=keras.layers.GRU,
):
    """Build a GRU that reads a sequence of vectors and says of which class it is.

    Args:
        n_features: Number of values at each time step.
        n_classes: Number of classes.
        units: Size of the hidden state.
        dropout: Fraction of the last hidden state dropped in training, in [0, 1).
        learning_rate: Step size of Adam.
        gru: A recurrent layer class with the signature of `keras.layers.GRU`.

    Returns:
        A compiled `keras.Model` from sequences, (batch, time, n_features), to the
        probability of each class, (batch, n_classes), with sparse categorical
        cross-entropy as its loss, for y (batch,) from 0 to n_classes - 1, and
        accuracy as its metric. Steps that are all zeros are padding, which the mask
        hides from the GRU.

    Example:

    >>> model = build_sequence_classifier(n_features=6, n_classes=4)
    >>> model.output_shape
    (None, 4)
    """
    inputs = keras.Input((None, n_features), name="sequence")
    masked = keras.layers.Masking(name="mask")(inputs)  # hides steps that are all zeros
    h_last = gru(units, name="gru")(masked)  # (batch, units)
    h_last = keras.layers.Dropout(dropout, name="dropout")(h_last)
    outputs = keras.layers.Dense(n_classes, activation="softmax", name="classes")(h_last)
    model = keras.Model(inputs, outputs, name="gru_sequence_classifier")
    optimizer = keras.optimizers.Adam(learning_rate)
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
