"""Builders for one number from a sequence of numbers."""

import keras


def build_next_value_regressor(
    window=10, n_features=1, units=32, dropout=0.0, learning_rate=1e-3, gru=keras.layers.GRU
):
    """Build a GRU that reads a window of values and predicts the next one.

    Args:
        window: Number of time steps read, or None for any number.
        n_features: Number of values at each time step.
        units: Size of the hidden state.
        dropout: Fraction of the last hidden state dropped in training, in [0, 1).
        learning_rate: Step size of Adam.
        gru: A recurrent layer class with the signature of `keras.layers.GRU`.

    Returns:
        A compiled `keras.Model` from (batch, window, n_features) to (batch, 1),
        with mean squared error as its loss and mean absolute error as its metric.

    Example:

    >>> model = build_next_value_regressor(window=10)
    >>> model.output_shape
    (None, 1)
    """
    inputs = keras.Input((window, n_features), name="window")
    h_last = gru(units, name="gru")(inputs)  # (batch, units)
    h_last = keras.layers.Dropout(dropout, name="dropout")(h_last)
    outputs = keras.layers.Dense(1, name="next_value")(h_last)  # (batch, 1)
    model = keras.Model(inputs, outputs, name="gru_next_value_regressor")
    model.compile(keras.optimizers.Adam(learning_rate), loss="mse", metrics=["mae"])
    return model


def build_tabular_regressor(
    n_features=13, units=32, dropout=0.0, learning_rate=1e-3, gru=keras.layers.GRU
):
    """Build a GRU that reads the columns of a table one after the other.

    The columns of a table have no order, so there is no time in them for a GRU
    to learn. The builder is here to be compared with a linear model, nearest
    neighbours and boosted trees, as lesson 03 does.

    Args:
        n_features: Number of columns, read as that many steps of one value.
        units: Size of the hidden state.
        dropout: Fraction of the last hidden state dropped in training, in [0, 1).
        learning_rate: Step size of Adam.
        gru: A recurrent layer class with the signature of `keras.layers.GRU`.

    Returns:
        A compiled `keras.Model` from (batch, n_features) or
        (batch, n_features, 1) to (batch, 1), with mean squared error as its
        loss and mean absolute error as its metric.

    Example:

    >>> model = build_tabular_regressor(n_features=12)
    >>> model.output_shape
    (None, 1)
    """
    inputs = keras.Input((n_features, 1), name="columns")
    h_last = gru(units, name="gru")(inputs)  # (batch, units)
    h_last = keras.layers.Dropout(dropout, name="dropout")(h_last)
    outputs = keras.layers.Dense(1, name="target")(h_last)  # (batch, 1)
    model = keras.Model(inputs, outputs, name="gru_tabular_regressor")
    model.compile(keras.optimizers.Adam(learning_rate), loss="mse", metrics=["mae"])
    return model
