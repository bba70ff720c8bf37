"""Translators: one GRU reads a text, another writes one; and both, taken one step at a time.

Ids are Keras': 0 is padding. What starts and what ends a text are ids that the caller chooses.
"""

import keras

from gru_tf.checks import check_at_least, check_ids, check_instance, check_list, check_model


def build_translator(
    num_source=100, num_target=100, units=128, dropout=0.0, learning_rate=1e-3, gru=keras.layers.GRU
):
    """Build an encoder and a decoder: all that the writer knows is the reader's last state.

    Trained by teacher forcing: the second input is the right translation one step late, as
    `teacher_inputs` makes it. `encode` and `decode_step` translate with the same weights.

    Args:
        num_source: Source ids run from 0, which is padding, to num_source - 1.
        num_target: Target ids, likewise.
        units: Size of the two hidden states, and of the vectors of source and target ids.
        dropout: Fraction of the decoder's states dropped before the words are read off, in
            training, in [0, 1).
        learning_rate: Step size of Adam, or a schedule of it.
        gru: A recurrent layer class with the signature of `keras.layers.GRU`.

    Returns:
        A compiled `keras.Model` from `[source, before]`, ids (batch, source time) and
        (batch, time), to the probability of each target id, (batch, time, num_target). Its loss is
        sparse categorical cross-entropy, for y (batch, time), its metric accuracy. Both leave out
        the steps at which `before` is 0, and so does no other: `teacher_inputs` sees to it.

    Example:

    >>> model = build_translator(num_source=40, num_target=13)
    >>> model.output_shape
    (None, None, 13)

    Source: Cho et al. 2014, arXiv:1406.1078; Sutskever et al. 2014, arXiv:1409.3215.
    """
    source = keras.Input((None,), dtype="int32", name="source")
    before = keras.Input((None,), dtype="int32", name="before")
    read = keras.layers.Embedding(num_source, units, mask_zero=True, name="source_words")
    told = keras.layers.Embedding(num_target, units, mask_zero=True, name="target_words")
    encoder = gru(units, return_sequences=True, return_state=True, name="encoder")
    decoder = gru(units, return_sequences=True, return_state=True, name="decoder")
    _, *state = encoder(read(source))  # (batch, units)
    h, *_ = decoder(told(before), initial_state=state)  # (batch, time, units)
    h = keras.layers.Dropout(dropout, name="dropout")(h)
    outputs = keras.layers.Dense(num_target, activation="softmax", name="words")(h)
    model = keras.Model([source, before], outputs, name="gru_translator")
    optimizer = keras.optimizers.Adam(learning_rate)
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def build_attention_translator(
    num_source=100, num_target=100, units=128, dropout=0.0, learning_rate=1e-3, gru=keras.layers.GRU
):
    """Build an encoder, a decoder, and additive attention of the second to the first.

    At each step the decoder's state asks all states of the encoder, and what is written is read
    off both: its own state, and their mean, weighted by how well each answers.

    Args:
        num_source: Source ids run from 0, which is padding, to num_source - 1.
        num_target: Target ids, likewise.
        units: Size of the two hidden states, of the vectors of ids, and of the attention.
        dropout: Fraction of the decoder's states and of what attention found dropped before the
            words are read off, in training, in [0, 1).
        learning_rate: Step size of Adam, or a schedule of it.
        gru: A recurrent layer class with the signature of `keras.layers.GRU`.

    Returns:
        A compiled `keras.Model`, as `build_translator` returns it.

    Example:

    >>> model = build_attention_translator(num_source=40, num_target=13)
    >>> model.output_shape
    (None, None, 13)

    Source: Bahdanau et al. 2015, arXiv:1409.0473, appendix A.1.2, for the weights; as in Luong et
    al. 2015, arXiv:1508.04025, section 3, the state that asks is that after the step.
    """
    source = keras.Input((None,), dtype="int32", name="source")
    before = keras.Input((None,), dtype="int32", name="before")
    read = keras.layers.Embedding(num_source, units, mask_zero=True, name="source_words")
    told = keras.layers.Embedding(num_target, units, mask_zero=True, name="target_words")
    encoder = gru(units, return_sequences=True, return_state=True, name="encoder")
    decoder = gru(units, return_sequences=True, return_state=True, name="decoder")
    memory, *state = encoder(read(source))  # (batch, source time, units), (batch, units)
    h, *_ = decoder(told(before), initial_state=state)  # (batch, time, units)
    keys = keras.layers.Dense(units, use_bias=False, name="keys")(memory)
    queries = keras.layers.Dense(units, use_bias=False, name="queries")(h)
    found = keras.layers.AdditiveAttention(name="attention")([queries, memory, keys])
    both = keras.layers.Concatenate(name="both")([h, found])
    both = keras.layers.Dropout(dropout, name="dropout")(both)
    outputs = keras.layers.Dense(num_target, activation="softmax", name="words")(both)
    model = keras.Model([source, before], outputs, name="gru_attention_translator")
    optimizer = keras.optimizers.Adam(learning_rate)
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def teacher_inputs(targets, start, end):
    """Return the right translations one step late: what the decoder is told before each step.

    The id that ends a text becomes padding. Otherwise it would be one more step to learn, after
    the end, at which the target is padding.

    Args:
        targets: Target ids, int (batch, time), right-padded with 0.
        start: Id that starts a text, and is told before its first step, at least 1.
        end: Id that ends each text. It may be that of the start.

    Returns:
        Ids, (batch, time), of the type of targets.

    Raises:
        TypeError: If targets isn't an array of integers.
        ValueError: If targets isn't (batch, time), holds no ids or some below 0, start is below 1,
            which would be padding, or end below 0.

    Example:

    >>> import numpy as np
    >>> teacher_inputs(np.array([[5, 6, 2, 0], [5, 2, 0, 0]]), start=1, end=2).tolist()
    [[1, 5, 6, 0], [1, 5, 0, 0]]
    """
    check_ids("targets", targets, 2, "an array of ids, (batch, time)", least=1, lists=False)
    check_at_least("start", start, 1)
    check_at_least("end", end, 0)
    before = targets.copy()
    before[:, 1:] = targets[:, :-1]
    before[before == end] = 0
    before[:, 0] = start  # which may be the same id
    return before


def encode(model, source):
    """Read source texts with the encoder of a translator.

    Args:
        model: What `build_translator` or `build_attention_translator` returns.
        source: Source ids, int (batch, source time), right-padded with 0.

    Returns:
        A list of tensors, each with one row a text: the decoder's first state, (batch, units), or
        states, if the layer has several; all states of the encoder, (batch, source time, units);
        and which of these are of real words, Boolean (batch, source time).

    Raises:
        TypeError: If model isn't a Keras model, or source doesn't hold integers.
        ValueError: If model lacks layers of a translator, source isn't (batch, source time), or an
            id isn't from 0 to num_source - 1.
    """
    check_model("model", model, ("source_words", "encoder"))
    read = model.get_layer("source_words")
    num_source = getattr(read, "input_dim", None)
    check_ids("source", source, 2, "ids, (batch, source time)", below=num_source, least=1)
    source = keras.ops.convert_to_tensor(source, "int32")
    real = source != 0
    embedded = read(source)
    memory, *state = model.get_layer("encoder")(embedded, mask=real)
    return [*state, memory, real]


def decode_step(model, words, states):
    """Take one step of a translator's decoder.

    Args:
        model: What `build_translator` or `build_attention_translator` returns.
        words: The id before the step of each text, int (batch,).
        states: A list: what `encode` returned, or this function for the step before.

    Returns:
        The probability of each id, (batch, num_target); the states after the step, a list; and
        the weights of attention, (batch, source time), or None where there is no attention, which
        is a layer of that name.

    Raises:
        TypeError: If model isn't a Keras model, words don't hold integers, or states are no list.
        ValueError: If model lacks layers of a translator, words aren't (batch,), an id isn't from
            0 to num_target - 1, or states are fewer than `encode` returns.
    """
    check_model("model", model, ("target_words", "decoder", "words"))
    told = model.get_layer("target_words")
    num_target = getattr(told, "input_dim", None)
    check_ids("words", words, 1, "ids, (batch,)", below=num_target, least=1)
    check_instance("states", states, list | tuple, "the list that encode() returned")
    check_list("states", states, "the list that encode() returned", least=3)
    *state, memory, real = states
    words = keras.ops.convert_to_tensor(words, "int32")[:, None]
    h, *state = model.get_layer("decoder")(told(words), initial_state=state)  # (batch, 1, units)
    weights = None
    if any(layer.name == "attention" for layer in model.layers):
        keys, queries = model.get_layer("keys")(memory), model.get_layer("queries")(h)
        found, weights = model.get_layer("attention")(
            [queries, memory, keys], mask=[None, real, None], return_attention_scores=True
        )
        h, weights = model.get_layer("both")([h, found]), weights[:, 0]
    return model.get_layer("words")(h)[:, 0], [*state, memory, real], weights
