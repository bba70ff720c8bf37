"""What TensorFlow keeps, or says, when many models are built in a row: that is a search."""

import contextlib
import gc
import logging
import weakref


@contextlib.contextmanager
def without_leak():
    """Let TensorFlow forget a gradient that it registers inside once its graph is gone.

    Each `tf.custom_gradient` that is traced into a graph, and Keras' optimizers and the
    recurrent layers have some, adds an entry to a registry that nothing ever empties.
    The entry holds the graph, and so everything that the model was: some 9 MB a trial.
    Here the graph holds what was registered, and the registry only knows where it is. A
    function that outlives the trial, such as one that others share, keeps its gradients.
    """
    from tensorflow.python.framework import ops

    register = ops.RegisterGradient.__call__
    entries = getattr(ops.gradient_registry, "_registry", {})

    def register_with_graph(self, gradient):
        name = self._op_type
        if not name.startswith("CustomGradient-"):
            return register(self, gradient)
        graph = ops.get_default_graph()
        graph.gru_tf_gradients = [*getattr(graph, "gru_tf_gradients", ()), gradient]
        found = weakref.ref(gradient, lambda _: entries.pop(name, None))
        register(self, lambda *values: found()(*values))
        return gradient

    ops.RegisterGradient.__call__ = register_with_graph
    try:
        yield
    finally:
        ops.RegisterGradient.__call__ = register


@contextlib.contextmanager
def without_warnings():
    """Silence TensorFlow, which warns of many models traced in a row."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextlib.contextmanager
def with_less_to_collect():
    """Spare the garbage collection that Keras Tuner does before each trial half a second.

    What was there before the search, it need not go through every time.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
