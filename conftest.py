"""What pytest must know for the tests and for the notebooks alike."""

import os

import matplotlib
import nbval.plugin

# Inherited by the notebooks' kernels. A back end of matplotlib's set outside would hide figures.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.pop("MPLBACKEND", None)
matplotlib.use("agg")

# The tests run make themselves, and not as a part of the make that may have started them.
os.environ.pop("MAKEFLAGS", None)
os.environ.pop("MAKELEVEL", None)


def pytest_collectstart(collector):
    """Leave stderr out of the comparison: TensorFlow's differs from machine to machine."""
    if isinstance(collector, nbval.plugin.IPyNbFile):
        collector.skip_compare += ("stderr",)
