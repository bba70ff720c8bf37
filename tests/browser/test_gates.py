"""The panel of gates in lesson 01, as a reader uses it: numbers, sliders, keys, a pointer."""

import numpy as np
import pytest

import gate_cases
from gru_tf.equations import gru_forward
from gru_tf.interactive import PRESETS

PAGE = "notebooks/01_equations.html"


@pytest.fixture
def panel(open_page):
    return open_panel(open_page)


def open_panel(open_page, **options):
    page = open_page(PAGE, **options)
    panel = page.locator("gru-gates")
    panel.locator("svg[data-chart=states] path.h").wait_for(state="attached")
    panel.scroll_into_view_if_needed()
    return panel


def states(panel):
    """Return the states as the panel draws them, (time,), from the path of its line."""
    path = panel.locator("svg[data-chart=states] path.h").get_attribute("d")
    heights = np.array([float(point.split()[1]) for point in path[1:].split("L")])
    grid = [
        float(line.get_attribute("d").split()[1].split("H")[0])
        for line in panel.locator("svg[data-chart=states] path.grid").all()
    ]  # of -1, 0 and 1
    return (grid[1] - heights) / (grid[1] - grid[2])


def test_the_script_computes_what_gru_forward_computes(panel):
    for given, wanted in gate_cases.settings():
        trace = panel.evaluate("(panel, given) => panel.constructor.forward(...given)", given)
        gate_cases.check(trace, wanted)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_drawn(panel, name):
    panel.get_by_role("button", name=name).click()
    assert panel.get_by_role("button", name=name).get_attribute("aria-pressed") == "true"
    preset = PRESETS[name]
    wanted = gru_forward(preset.x, preset.weights, preset.h_0)[0, :, 0]
    np.testing.assert_allclose(states(panel), wanted, atol=2e-3)
    for key, value in gate_cases.as_data(preset.weights).items():
        if key in ("reset_after", "update_gate"):
            value = str(value).lower()
            assert panel.locator(f"input[name={key}][value={value}]").is_checked()
        else:  # the slider reaches it
            assert float(panel.locator(f"#{key}").input_value()) == pytest.approx(value)
    sentence = panel.locator(".says").inner_text().replace("\n", "")
    assert sentence[:20] == preset.says[:20]


def test_a_slider_is_moved_by_keys(panel):
    page, slider = panel.page, panel.get_by_label("bz bias")
    before = states(panel)
    slider.focus()
    for _ in range(60):
        page.keyboard.press("ArrowRight")
    assert float(slider.input_value()) == pytest.approx(-2)
    assert panel.locator("output[for=b_z]").inner_text() == "−2.00"
    x, data, h_0 = gate_cases.given(
        *[getattr(PRESETS["remember"], n) for n in ("x", "weights", "h_0")]
    )
    wanted = panel.evaluate(
        "(panel, given) => panel.constructor.forward(...given).h", [x, {**data, "b_z": -2}, h_0]
    )
    np.testing.assert_allclose(states(panel), wanted, atol=2e-3)
    assert before[-1] > 0.9 > 0.1 > states(panel)[-1]
    assert panel.get_by_role("button", name="remember").get_attribute("aria-pressed") == "false"


def test_the_conventions_are_those_of_the_lesson(panel):
    before = states(panel)
    panel.get_by_label("keeps h").check()
    assert np.abs(states(panel) - before).max() > 0.5
    panel.get_by_role("button", name="negate all three").click()
    np.testing.assert_allclose(states(panel), before, atol=1e-9)


def test_with_one_unit_the_places_of_the_reset_gate_differ_by_its_bias_alone(panel):
    panel.get_by_role("button", name="reset reopens").click()
    before = states(panel)
    assert not panel.locator("#c_h").is_visible()
    panel.get_by_label("after").check()
    np.testing.assert_allclose(states(panel), before, atol=1e-9)
    panel.locator("#c_h").fill("-1.5")
    assert np.abs(states(panel) - before).max() > 0.5


def test_an_input_is_drawn_by_keys(panel):
    drawing, page = panel.get_by_role("slider", name="Input: left and right"), panel.page
    panel.get_by_role("button", name="zero").click()
    drawing.focus()
    for key in ("Home", "ArrowRight", "ArrowRight", "PageUp", "ArrowUp"):
        page.keyboard.press(key)
    assert panel.evaluate("panel => panel.x.indexOf(0.6)") == 2
    assert drawing.get_attribute("aria-valuetext").startswith("step 3: input 0.60, state ")
    page.keyboard.press("End")
    page.keyboard.press("PageDown")
    assert panel.evaluate("panel => panel.x.at(-1)") == -0.5
    assert panel.locator(".step").inner_text().startswith("Step 40")


def test_an_input_is_drawn_by_a_pointer(panel):
    mouse = panel.page.mouse
    box = panel.locator("svg[data-chart=input]").bounding_box()
    mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 10)
    mouse.down()
    mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 10, steps=2)
    mouse.up()
    mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 80)  # without a button: draws nothing
    x = np.array(panel.evaluate("panel => panel.x"))
    assert np.all(x[20:35] > 0.8), "with no step left out"
    assert np.all(x[11:18] == 0)
    assert panel.locator("[data-input][aria-pressed=true]").count() == 0


@pytest.mark.parametrize("input_kind", ["zero", "pulse", "step", "sine", "noise"])
def test_an_input_is_chosen(panel, input_kind):
    panel.get_by_role("button", name=input_kind, exact=True).click()
    assert panel.locator("[data-input][aria-pressed=true]").inner_text() == input_kind
    assert panel.evaluate("panel => panel.x.length") == 40


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_page(open_page, scheme):
    panel = open_panel(open_page, scheme=scheme)
    assert panel.evaluate("panel => panel.hasAttribute('dark')") == (scheme == "dark")
    other = {"light": "dark", "dark": "light"}[scheme]
    panel.evaluate("(_, other) => { document.documentElement.dataset.theme = other; }", other)
    panel.page.wait_for_function(
        "dark => document.querySelector('gru-gates').hasAttribute('dark') === dark",
        arg=other == "dark",
    )


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_cut_off(open_page, width):
    panel = open_panel(open_page, width=width)
    cut = panel.evaluate("""panel => {
        const box = panel.getBoundingClientRect();
        return [...panel.shadowRoot.querySelectorAll("*")].filter((part) => {
            const { left, right, width } = part.getBoundingClientRect();
            return width && (left < box.left - 6 || right > box.right + 6);
        }).map((part) => part.outerHTML.slice(0, 80));
    }""")
    assert not cut
    assert not panel.page.wrong


def test_every_control_is_reached_by_the_tabulator(panel):
    panel.get_by_role("button", name="remember").focus()
    reached = []
    for _ in range(30):
        reached.append(
            panel.evaluate("""panel => {
            const part = panel.shadowRoot.activeElement;
            return part && (part.id || part.dataset.preset || part.dataset.input
                || part.dataset.chart || part.name || part.textContent);
        }""")
        )
        panel.page.keyboard.press("Tab")
    assert [*PRESETS] == reached[:4]
    sliders = [*(f"{kind}_{gate}" for gate in "zrh" for kind in "WUb"), "h_0"]
    radios = ["update_gate", "negate all three", "reset_after"]
    assert {"pulse", "input", *sliders, *radios} <= set(reached)
