"""One search on several machines: a chief that hands out trials, and workers that run them.

The machinery is Keras Tuner's own, over gRPC. Added is what it lacks: proof that chief
and workers share the folder of the search, trials of dead workers handed out again, and
an error where a worker would otherwise wait for an hour. For this, each of them writes a
small file in that folder every second, and reads those of the others.

Source: https://keras.io/guides/keras_tuner/distributed_tuning/
"""

import contextlib
import itertools
import json
import os
import socket
import threading
import time
import uuid
from pathlib import Path

from gru_tf.tuning.folder import write

BEAT = 1.0  # seconds between two writes


def become(role, address, patience=60.0):
    """Make every search of this process part of one on several machines.

    Args:
        role: `"chief"`, of which there is one, or `"worker"`.
        address: Where the chief listens, `"host:port"`, the same for all.
        patience: Seconds after which a chief or a worker that gives no sign of life
            counts as dead.

    Raises:
        ValueError: If the role or the address is not of this form.
    """
    if role not in ("chief", "worker"):
        raise ValueError(f"role must be 'chief' or 'worker'. Received: {role!r}.")
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(f"The address must be 'host:port'. Received: {address!r}.")
    # As Keras Tuner's documentation has it; but for the patience, which is ours. It takes for
    # the chief everyone with "chief" in the name.
    worker = f"{socket.gethostname()}-{os.getpid()}".replace("chief", "host")
    name = "chief" if role == "chief" else worker
    os.environ["KERASTUNER_TUNER_ID"] = name
    os.environ["KERASTUNER_ORACLE_IP"] = host
    os.environ["KERASTUNER_ORACLE_PORT"] = port
    os.environ["GRU_TF_PATIENCE"] = str(patience)


def role():
    """Return `"chief"`, `"worker"`, or None for a search on one machine."""
    if "KERASTUNER_ORACLE_IP" not in os.environ:
        return None
    return "chief" if "chief" in os.environ["KERASTUNER_TUNER_ID"] else "worker"


@contextlib.contextmanager
def serving(oracle, folder, say):
    """Watch over the workers, while the chief serves them.

    Args:
        oracle: The oracle of the search, from `gru_tf.tuning.oracles`.
        folder: `pathlib.Path` of the search.
        say: Function that prints a line.
    """
    seen = {}  # a worker's id: what its file holds, and since when

    def watch(n_beats, finished=False):
        for path in _files(folder, "*"):
            if path.stem != "chief" and (text := _read(path)) != seen.get(path.stem, [None])[0]:
                if path.stem not in seen:
                    say(f"worker {path.stem} joins")
                seen[path.stem] = [text, time.monotonic()]
        for worker in {*oracle.tuner_ids, *oracle.ongoing_trials}:
            last = seen.setdefault(worker, [None, time.monotonic()])[1]
            if time.monotonic() - last > _patience():
                trial_id = oracle.hand_out_again(worker)
                again = f": trial {trial_id} will be run by another" if trial_id else ""
                say(f"worker {worker} gives no sign of life{again}")
        tokens = {worker: (text or {}).get("token") for worker, (text, _) in seen.items()}
        _write(folder, "chief", {"beat": n_beats, "workers": tokens, "finished": finished})

    for path in _files(folder, "*"):
        path.unlink()  # of another day
    with _beating(watch):
        yield
    watch(-1, finished=True)


@contextlib.contextmanager
def working(folder):
    """Join a chief that shares the folder, and give signs of life while working for it.

    Args:
        folder: `pathlib.Path` of the search.

    Raises:
        ConnectionError: If there is no chief, if it doesn't share the folder, or if it
            is gone before the search has come to its end.
    """
    import grpc
    from keras_tuner.src.distribute import oracle_client

    # Keras Tuner waits an hour for an answer.
    oracle_client.TIMEOUT = _patience()
    name, token = os.environ["KERASTUNER_TUNER_ID"], uuid.uuid4().hex
    with _beating(lambda n_beats: _write(folder, name, {"token": token, "beat": n_beats})):
        start = time.monotonic()
        while _chief(folder).get("workers", {}).get(name) != token:
            if time.monotonic() - start > _patience():
                raise ConnectionError(_nobody(folder))
            time.sleep(BEAT / 4)
        try:
            yield
        except grpc.RpcError as error:
            time.sleep(2 * BEAT)
            if not _chief(folder).get("finished"):
                raise ConnectionError(
                    f"The chief at {_address()} is gone: no answer for {_patience():.0f} s. Start "
                    "it again, and then the workers: the search goes on where it was."
                ) from error


def _nobody(folder):
    try:
        socket.create_connection(_address().rsplit(":", 1), timeout=5).close()
    except OSError as error:
        return f"No chief answers at {_address()} ({error}). Start one, with the same address."
    return (
        f"The chief at {_address()} doesn't see what this worker writes in "
        f"{folder.absolute()}. Both need the same folder, on a disk that they share."
    )


@contextlib.contextmanager
def _beating(beat):
    """Call a function every second, with the number of the call, in a thread of its own."""
    stop = threading.Event()

    def run():
        for n_beats in itertools.count():
            with contextlib.suppress(OSError):  # a shared disk may fail for a moment
                beat(n_beats)
            if stop.wait(BEAT):
                return

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _address():
    return f"{os.environ['KERASTUNER_ORACLE_IP']}:{os.environ['KERASTUNER_ORACLE_PORT']}"


def _patience():
    return float(os.environ.get("GRU_TF_PATIENCE", 60))


def _files(folder, pattern):
    return sorted(Path(folder, "machines").glob(f"{pattern}.json"))


def _chief(folder):
    return _read(Path(folder, "machines", "chief.json")) or {}


def _read(path):
    with contextlib.suppress(OSError, ValueError):
        return json.loads(path.read_text())


def _write(folder, name, content):
    write(Path(folder, "machines", f"{name}.json"), content)
