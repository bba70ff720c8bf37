"""Open a copy of the lessons in JupyterLab, so that working in them changes no file that git knows.

    python tools/lab.py [--fresh] [OPTION OF JUPYTERLAB ...]

The copy is the folder work/, beside notebooks/, so that links lead to the same places.
It is made once: what is there is never overwritten, and a lesson that is missing is
added. ``--fresh`` renames the old copy and makes a new one.

The server listens on this machine alone, and asks for the token in the address that it
prints, unless an option of JupyterLab or its configuration says otherwise.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

from gru_tf.atomic import replacing

ROOT = Path(__file__).resolve().parents[1]
# A kernel that keeps TensorFlow's log to itself, and settings that a reader's own go before
JUPYTER = Path(__file__).with_name("jupyter")
COPIED = ".copied.json"  # in work/: the checksum of each notebook as it was copied


def checksum(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def copy_whole(source, target):
    """Copy the file whole or not at all."""
    with replacing(target) as unfinished:
        shutil.copyfile(source, unfinished)


def set_aside(work):
    """Rename the old copy to the first of work-1, work-2, ... that is free."""
    number = 1
    while (old := work.with_name(f"{work.name}-{number}")).exists():
        number += 1
    work.rename(old)
    return old


def prepare(root=ROOT, fresh=False):
    """Make the copy, or add to it what is missing, and say what was done."""
    notebooks, work = root / "notebooks", root / "work"
    if fresh and work.exists():
        print(f"Your old copy is now {set_aside(work).name}/")
    try:
        copied = json.loads((work / COPIED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        copied = {}
    newer = []
    for source in [*notebooks.glob("*.ipynb"), *notebooks.glob("solutions/*.ipynb")]:
        name = source.relative_to(notebooks).as_posix()
        if not (work / name).exists():
            copy_whole(source, work / name)
            copied[name] = checksum(source)
        elif copied.get(name) != checksum(source):
            newer.append(name)
    text = json.dumps(copied, indent=1, sort_keys=True)
    with replacing(work / COPIED) as unfinished:
        unfinished.write_text(text + "\n", encoding="utf-8")
    if newer:
        print(f"Yours are left alone, of which there are newer ones: {', '.join(sorted(newer))}")
        print("`make lab FRESH=1` takes the new ones, and keeps your copy beside them.")
    return work


def command(root, options):
    """Return the command that starts JupyterLab in work/, which links may lead out of."""
    parts = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={root}"]
    parts += ["--LabApp.default_url=/lab/tree/work", "--ServerApp.ip=localhost"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # in a container, where root is usual
        parts.append("--allow-root")
    return parts + options


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fresh", action="store_true", help="set the old copy aside")
    arguments, options = parser.parse_known_args()
    try:
        prepare(fresh=arguments.fresh)
    except OSError as error:
        sys.exit(f"The copy could not be made: {error}")
    for variable in ("JUPYTER_PATH", "JUPYTER_CONFIG_PATH"):
        paths = [str(JUPYTER), *filter(None, [os.environ.get(variable)])]
        os.environ[variable] = os.pathsep.join(paths)
    parts = command(ROOT, options)
    os.execv(parts[0], parts)


if __name__ == "__main__":
    main()
