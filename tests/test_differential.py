"""Random calls of the layer and of Keras': the same numbers, types and refusals.

`make fuzz` draws more of them, and stores in findings.json what it finds.
"""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from differential import calls, check

FINDINGS = json.loads(Path(__file__).with_name("findings.json").read_text())


@pytest.mark.slow
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(calls)
def test_a_random_call_equals_keras(call):
    check(call)


@pytest.mark.parametrize("call", FINDINGS, ids=lambda call: f"{call['way']}-{call['seed']}")
def test_what_was_found_once(call):
    check(call)
