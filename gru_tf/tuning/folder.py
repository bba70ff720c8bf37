"""A search knows what it is: its settings and its data stand in files beside its results.

Keras Tuner goes on with whatever it finds in a folder, and says no word if the space,
the budget, the seed, the objective or the data have changed since. `gru_tf.tuning`
writes them down, and compares them here first.
"""

import contextlib
import json
import os
import shutil
import uuid

from gru_tf.tuning.identity import describe_data

_WAYS_ON = "Give the search another name, or pass overwrite=True to delete this one."


def claim_folder(folder, settings, overwrite):
    """Write down what a search is, or refuse a folder that holds something else.

    Args:
        folder: `pathlib.Path` of the search, which need not exist.
        settings: Dict of what identifies the search.
        overwrite: Whether to delete what search there is in the folder.

    Raises:
        ValueError: If the folder holds another search, a damaged one or other files, or
            can't be written. The message says why, and the ways on.
    """
    try:
        # What is being written was begun by another machine, or cut off.
        if folder.exists() and any(path.suffix != ".partial" for path in folder.iterdir()):
            if not (folder / "search.json").exists():
                raise ValueError(
                    f"{folder} holds files but no search.json: make_tuner() did not write it, and "
                    "will neither go on there nor delete it. Give the search another name."
                )
            if not overwrite:
                _check_search(folder, settings)
                return
            shutil.rmtree(folder)
        write(folder / "search.json", settings)
    except OSError as error:
        raise ValueError(
            f"{folder} can't be written ({error}). Give make_tuner() another directory."
        ) from error


def _check_search(folder, settings):
    _compare(folder / "search.json", settings)
    # When the very first trial starts, its own file is written first.
    if (folder / "oracle.json").exists() or len(list(folder.glob("trial_*/trial.json"))) > 1:
        for trial_id in _read(folder / "oracle.json")["start_order"]:
            _read(folder / f"trial_{trial_id}" / "trial.json")


def claim_data(folder, data, begun):
    """Refuse other data than those with which a search was begun.

    Args:
        folder: `pathlib.Path` of the search.
        data: Dict of what was given to `search`, by the names of `fit`'s arguments.
        begun: Whether a trial has been run already.

    Raises:
        ValueError: If the data are others. The message says which, and the ways on.
    """
    described = {name: describe_data(value) for name, value in data.items()}
    if begun and (folder / "data.json").exists():
        _compare(folder / "data.json", described)
    else:
        write(folder / "data.json", described)


@contextlib.contextmanager
def held(folder):
    """Keep other processes of this machine from the same search, which they would spoil.

    Raises:
        ValueError: If another process runs it.
    """
    try:
        import fcntl
    except ImportError:  # on Windows
        yield
        return
    with open(folder / "lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # gone with the process that has it
        except BlockingIOError:
            raise ValueError(
                f"Another process runs the search in {folder}. Wait for its end or stop it; or "
                "give this search another name. Several machines share one through a chief."
            ) from None
        except OSError:  # a disk that knows no locks
            pass
        yield


def write(path, content):
    """Write a JSON file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own, as another machine may be writing the same file.
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.partial")
    partial.write_text(json.dumps(content, indent=1) + "\n")
    os.replace(partial, path)


def _read(path):
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(
            f"The file {path} of this search is damaged or missing ({error}). "
            f"What is left is kept. {_WAYS_ON}"
        ) from error


def _compare(path, settings):
    changes = list(_changes(_read(path), json.loads(json.dumps(settings))))
    if changes:
        listed = "\n".join(f"  {change}" for change in changes)
        raise ValueError(f"{path.parent} holds another search:\n{listed}\n{_WAYS_ON}")


def _changes(there, here, name=""):
    if isinstance(there, dict) and isinstance(here, dict):
        for key in [*there, *(key for key in here if key not in there)]:
            yield from _changes(there.get(key), here.get(key), f"{name} {key}".strip())
    elif there != here:
        yield f"{name}: {there!r} there, {here!r} here"
