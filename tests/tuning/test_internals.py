"""The private names of Keras Tuner: all there, and none used that isn't listed."""

import importlib
import re
from pathlib import Path

import keras_tuner as kt
import pytest

from gru_tf.tuning import internals

ORACLES = {
    kt.oracles.HyperbandOracle: internals.ORACLE | internals.HYPERBAND,
    kt.oracles.RandomSearchOracle: internals.ORACLE,
    kt.oracles.GridSearchOracle: internals.ORACLE | internals.GRID,
    kt.oracles.BayesianOptimizationOracle: internals.ORACLE | internals.BAYESIAN,
}
GONE = (
    "Keras Tuner {} has no {} any more, which gru_tf.tuning needs: it {}. Adapt gru_tf.tuning, or "
    "keep Keras Tuner at an older version."
)


def missing(things, names, has=hasattr):
    return [
        GONE.format(kt.__version__, name, use)
        for name, use in names.items()
        if not all(has(thing, name) for thing in things)
    ]


@pytest.mark.parametrize("oracle", ORACLES)
def test_private_names_of_oracles_are_there(oracle):
    made = oracle(objective="val_loss")
    made._set_project_dir(".", ".")
    assert missing([made], ORACLES[oracle]) == []


def test_private_names_of_tuners_and_modules_are_there():
    def has(_, name):
        module, _, attribute = name.partition(":")
        return hasattr(importlib.import_module(module), attribute)

    assert missing([kt.Tuner, kt.Hyperband], internals.TUNER) == []
    assert missing([None], internals.MODULES, has) == []
    message = missing([object()], {"_gone": "keeps the time"})[0]
    assert "has no _gone any more" in message
    assert "keeps the time" in message


def test_no_private_name_is_used_that_is_not_listed():
    parts = (internals.ORACLE, internals.HYPERBAND, internals.GRID, internals.BAYESIAN)
    parts += (internals.TUNER, internals.OPTUNA_OBJECTS)
    listed = {name for part in parts for name in part}
    listed |= {name.rpartition(".")[2] for name in internals.OPTUNA}
    listed.add("_op_type")  # of TensorFlow
    for path in Path(internals.__file__).parent.glob("*.py"):
        source = path.read_text()
        objects = r"\b(?:oracle|tuner|trial|study|self|super\(\))"
        used = set(re.findall(rf"{objects}\.(_[a-z]\w*)", source))
        own = set(re.findall(r"def (_\w+)|self\.(_\w+)(?=(?:, self\._\w+)* =)", source))
        own = {name for names in own for name in names}
        assert used - listed - own - {"_oracle"} == set(), path.name
