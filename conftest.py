"""What pytest must know for the tests and for the notebooks alike."""

import os

import matplotlib
import nbval.plugin
import pytest

import setup_cell  # in tools/

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


def pytest_collection_modifyitems(items):
    """Pass over the lessons that need PyTorch where it isn't installed."""
    for item in items:
        if isinstance(item, nbval.plugin.IPyNbCell) and (why := setup_cell.why_not(item.path.name)):
            item.add_marker(pytest.mark.skip(reason=why))
