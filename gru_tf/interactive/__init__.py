"""A figure that a reader moves, in a notebook and on a page, without a kernel."""

from gru_tf.interactive.gates import INPUTS, PRESETS, GatePanel, Preset

__all__ = ["INPUTS", "PRESETS", "GatePanel", "Preset"]
