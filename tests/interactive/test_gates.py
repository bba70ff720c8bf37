"""The panel of gates: the numbers of its script, and the HTML that carries it.

What a reader does with it is tested in tests/browser/test_gates.py.
"""

import base64
import html.parser
import json
import re
import shutil
import subprocess
from pathlib import Path

import nbformat
import numpy as np
import pytest

import gate_cases
import gru_tf
from gru_tf.equations import gru_forward
from gru_tf.interactive import INPUTS, PRESETS, GatePanel

MODULE = Path(gru_tf.__file__).parent / "interactive" / "gates.js"
LESSON = Path(__file__).parents[2] / "notebooks" / "01_equations.ipynb"
NODE = shutil.which("node")

CALL = """
const { forward } = await import("data:text/javascript;base64,%s");
let text = "";
for await (const part of process.stdin) text += part;
console.log(JSON.stringify(JSON.parse(text).map((given) => forward(...given))));
"""


class Element(html.parser.HTMLParser):
    """The settings of the panel, and what stands in its place where no script runs."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.settings, self.texts = [], None, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag == "gru-gates":
            self.settings = json.loads(dict(attributes)["data-settings"])

    def handle_data(self, data):
        if self.tags[-1] != "script":
            self.texts.append(data)


@pytest.mark.skipif(not NODE, reason="no node here; tests/browser asks a browser the same")
def test_the_script_computes_what_gru_forward_computes():
    cases = gate_cases.settings()
    source = CALL % base64.b64encode(MODULE.read_bytes()).decode()
    command = [NODE, "--input-type=module", "--eval", source]
    calls = json.dumps([given for given, _ in cases])
    done = subprocess.run(command, input=calls, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for trace, (_, wanted) in zip(json.loads(done.stdout), cases, strict=True):
        gate_cases.check(trace, wanted)


def test_the_script_is_whole_and_asks_for_nothing():
    source = MODULE.read_text(encoding="utf-8")
    assert "</script" not in source
    assert not re.search(r"https?:|\bimport\b\s*[({\"']|\bfetch\(|XMLHttpRequest", source)


def test_html_has_the_settings_and_a_sentence_for_where_scripts_do_not_run():
    element = Element(GatePanel("forget")._repr_html_())
    assert element.settings["start"] == "forget"
    assert {name: np.array(x).tolist() for name, x in INPUTS.items()} == element.settings["inputs"]
    for name, preset in PRESETS.items():
        data = element.settings["presets"][name]
        assert data["weights"] == gate_cases.as_data(preset.weights)
        assert (data["input"], data["h_0"], data["says"]) == (
            preset.input, preset.start, preset.says,
        )  # fmt: skip
    assert "run this cell" in "".join(element.texts)
    assert element.tags == ["gru-gates", "p", "em", "script"]


def test_the_lesson_stores_the_panel_as_it_is():
    notebook = nbformat.read(LESSON, as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    stored = [
        output.data["text/html"] for output in outputs if "text/html" in output.get("data", {})
    ]
    assert stored == [GatePanel()._repr_html_()], "python tools/notebooks.py refresh stores it anew"


@pytest.fixture
def states():
    """The state after each step, by preset."""
    return {
        name: gru_forward(preset.x, preset.weights, preset.h_0)[0, :, 0]
        for name, preset in PRESETS.items()
    }


def test_presets_do_what_their_names_say(states):
    pulse = np.flatnonzero(INPUTS["pulse"])
    after = pulse[-1]
    assert states["remember"][after] > 0.9
    assert states["remember"][-1] > 0.97 * states["remember"][after]
    assert states["forget"][after] > 0.5
    assert abs(states["forget"][-1]) < 0.001
    np.testing.assert_allclose(states["copy the input"], np.tanh(INPUTS["sine"]), atol=1e-3)
    reset = states["reset reopens"]
    assert reset[pulse[0] - 1] > 0.9
    assert reset[after] < 0.3
    assert reset[-1] > 0.95


def test_presets_are_taken_apart_by_what_their_sentences_say_to_try():
    """Of each sentence the numbers that it names, tried."""

    def end(name, **numbers):
        preset = PRESETS[name]
        data = gate_cases.as_data(preset.weights) | numbers
        arrays = {
            key: np.reshape(value, (1, 1) if key[0] in "WU" else (1,))
            for key, value in data.items()
            if key not in ("reset_after", "update_gate")
        }
        options = {key: data[key] for key in ("reset_after", "update_gate")}
        weights = type(preset.weights)(**arrays, **options)
        return gru_forward(preset.x, weights, preset.h_0)[0, :, 0]

    assert end("remember", b_z=-2.0)[-1] < 0.1
    assert end("forget", U_h=1.0)[-1] > 100 * end("forget")[-1]
    assert end("forget", U_h=2.0)[-1] > 0.9
    assert np.abs(end("copy the input", update_gate="keep")).max() < 0.02
    negated = {"W_z": 0.0, "U_z": 0.0, "b_z": -8.0}
    back = end("copy the input", update_gate="keep", **negated)
    np.testing.assert_allclose(back, end("copy the input"), atol=1e-12)
