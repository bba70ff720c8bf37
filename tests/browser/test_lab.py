"""Lessons in JupyterLab as `make lab` starts it: run whole, and an exercise solved.

The screenshots are in build/lab/.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time

import nbformat
import pytest

import lab

OUT = lab.ROOT / "build" / "lab"
ADDRESS = re.compile(r"http://localhost:\d+/lab/tree/work\?token=\w+")
BADGE = "https://colab.research.google.com/assets/"
SECONDS = 540  # for a lesson, on a busy machine

# Of a lesson: an exercise, how its solution begins, how to spoil it, and what the check then says.
LESSONS = {
    "01_equations": (
        "01.3",
        "def mgu_forward",
        ("(1 - f_t) * h + f_t * h_hat", "f_t * h + (1 - f_t) * h_hat"),
        "f and 1 - f are the wrong way round in the new state.",
    ),
    "02_from_scratch": (
        "02.1",
        "n_numbers = ",
        ("(1 + 4 * 16)", "(4 * 16)"),
        "65,536 is the number without x_t: one number a window and step.",
    ),
    "12_parallel_gru": (
        "12.2",
        "def first_marked",
        ("    marked[:, 0] = True\n", ""),
        "some stream has no marker at its first step: no answer there yet.",
    ),
}

# What a lesson looks like: how many of its code cells are run or wait, and what they have put out.
STATE = """() => {
    const outputs = kind =>
        [...document.querySelectorAll(`.jp-Notebook [data-mime-type="${kind}"]`)];
    const prompts = [...document.querySelectorAll(".jp-Notebook .jp-CodeCell .jp-InputPrompt")];
    return {
        cells: document.querySelectorAll(".jp-Notebook .jp-Cell").length,
        run: prompts.filter(prompt => /\\d/.test(prompt.textContent)).length,
        wait: prompts.filter(prompt => /\\*/.test(prompt.textContent)).length,
        kernel: document.querySelector(".jp-Notebook-ExecutionIndicator")?.dataset.status,
        errors: outputs("application/vnd.jupyter.error").map(found => found.textContent),
        red: outputs("application/vnd.jupyter.stderr").map(found => found.textContent),
        figures: outputs("image/png").flatMap(found => [...found.querySelectorAll("img")])
            .filter(image => image.complete && image.naturalWidth > 100).length,
    };
}"""


@pytest.fixture(scope="module")
def address(browser, tmp_path_factory):
    """Start JupyterLab in a copy of the repository, for a reader without settings, by tools/lab.py.

    Yields the address that it prints.
    """
    repository, home = tmp_path_factory.mktemp("repository"), tmp_path_factory.mktemp("home")
    shutil.copytree(lab.ROOT / "tools", repository / "tools")
    for name in ("notebooks", "docs", "data"):
        (repository / name).symlink_to(lab.ROOT / name)
    environment = {name: value for name, value in os.environ.items() if "JUPYTER" not in name}
    environment |= {"HOME": str(home), "IPYTHONDIR": str(home / "ipython")}
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    log = home / "log"
    command = [sys.executable, "tools/lab.py", "--no-browser", f"--ServerApp.port={port}"]
    with log.open("w") as written:
        server = subprocess.Popen(
            command, cwd=repository, env=environment, stdout=written, stderr=subprocess.STDOUT
        )
    try:
        end = time.monotonic() + 300  # on a busy machine
        while not (found := ADDRESS.search(log.read_text())):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.2)
        yield found[0]
    finally:
        server.terminate()
        server.wait(30)


def stored(name):
    return nbformat.read(lab.ROOT / "notebooks" / f"{name}.ipynb", as_version=4)


@pytest.fixture
def open_lesson(browser, address):
    """Return a function that opens a lesson alone, and notes what it asks other hosts for.

    Its kernel is shut down after the test.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.asked = []

    def local_alone(route):
        if route.request.url.startswith(("http://localhost:", "data:", "blob:")):
            return route.continue_()
        page.asked.append(route.request.url)
        route.abort()

    context.route("**/*", local_alone)

    def open_lesson(name):
        page.goto(address.replace("/work?", f"/work/{name}.ipynb?reset&"))
        # Cells come one after another, and the kernel seems idle before it has started.
        n_cells, end = len(stored(name).cells), time.monotonic() + 60
        while (state := page.evaluate(STATE))["cells"] < n_cells or state["kernel"] != "idle":
            assert time.monotonic() < end, state
            page.wait_for_timeout(200)
        return page

    yield open_lesson
    server, token = address.split("/lab/tree/work?token=")
    authorised = {"Authorization": f"token {token}"}
    for kernel in context.request.get(f"{server}/api/kernels", headers=authorised).json():
        context.request.delete(f"{server}/api/kernels/{kernel['id']}", headers=authorised)
    context.close()


def choose(page, menu, entry):
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{menu}$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{entry}$")).click()


def shown(page, name):
    OUT.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=OUT / f"{name}.png")


def wait_until_idle(page, n_run):
    """Wait until the kernel has run so many cells and is idle, and return the state."""
    end = time.monotonic() + SECONDS
    while True:
        state = page.evaluate(STATE)
        if state["kernel"] == "idle" and not state["wait"] and state["run"] >= n_run:
            return state
        assert time.monotonic() < end, state
        page.wait_for_timeout(300)


def answer(page, start, code, number):
    """Put code into the cell that starts so, run it and the check under it; return what that says.

    Args:
        start: The first words of the cell.
        code: What is to stand in it.
        number: The exercise.
    """
    cell = page.locator(".jp-Notebook .jp-CodeCell", has_text=start).last
    cell.scroll_into_view_if_needed()
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(code)
    page.keyboard.press("Shift+Enter")
    check = page.locator(".jp-Notebook .jp-CodeCell", has_text=f'exercises.check("{number}"')
    check.locator(".cm-content").click()
    before = check.locator(".jp-InputPrompt").text_content()
    page.keyboard.press("Shift+Enter")
    said = check.locator(".jp-OutputArea-output")
    end = time.monotonic() + 60
    while check.locator(".jp-InputPrompt").text_content() in (before, "[*]:"):
        assert time.monotonic() < end, "the check has not run"
        page.wait_for_timeout(100)
    said.wait_for()
    return said.text_content()


def solution(name, start):
    """Return the cell of a lesson's solutions that starts so."""
    notebook = stored(f"solutions/{name}")
    sources = [
        cell.source for cell in notebook.cells if "exercise" in cell.metadata.get("tags", [])
    ]
    (found,) = [source for source in sources if source.startswith(start)]
    return found


def test_a_reader_is_not_asked_for_news(open_lesson):
    page = open_lesson("01_equations")
    page.wait_for_timeout(3000)  # the question comes within half a second
    assert page.locator(".Toastify__toast").all_text_contents() == []
    assert all(url.startswith(BADGE) for url in page.asked)
    answered = page.request.get(
        f"{page.url.partition('/lab')[0]}/lab/api/settings/@jupyterlab/apputils-extension:notification"
    )
    assert answered.json()["schema"]["properties"]["fetchNews"]["default"] == "false"


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_runs_and_an_exercise_is_checked(open_lesson, name):
    cells = stored(name).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    outputs = [output for cell in code for output in cell.outputs]
    n_figures = sum("image/png" in output.get("data", {}) for output in outputs)
    page = open_lesson(name)
    choose(page, "Edit", "Clear Outputs of All Cells")
    state = page.evaluate(STATE)
    assert state["figures"] == state["run"] == 0  # what is stored is gone
    choose(page, "Run", "Run All Cells")
    state = wait_until_idle(page, len(code))
    shown(page, f"{name}_run")
    assert state["cells"] == len(cells)
    assert state["errors"] == state["red"] == []
    assert state["figures"] == n_figures > 0

    number, start, spoil, reason = LESSONS[name]
    unsolved = page.locator(".jp-OutputArea-output", has_text=f"{number}: not solved yet")
    assert unsolved.count() == 1
    right = solution(name, start)
    assert spoil[0] in right
    said = answer(page, start, right.replace(*spoil), number)
    shown(page, f"{name}_wrong")
    assert said.strip() == f"{number}: {reason}"
    said = answer(page, start, right, number)
    shown(page, f"{name}_right")
    assert said.startswith(f"{number}: right.")
    assert page.evaluate(STATE)["errors"] == []
    assert all(url.startswith(BADGE) for url in page.asked)
