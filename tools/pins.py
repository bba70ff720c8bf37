"""Move the pins to the newest releases that go together, and lock them.

    python tools/pins.py           move the pins, and write the locks anew
    python tools/pins.py --lock    write the locks of the pins as they are

pip's resolver chooses for all files at once, but for the tools, which have an environment of their
own; nothing is installed. A line with `# held` keeps its pin. A lock, `requirements.lock` for
`requirements.txt`, has all that those pins need besides, for each system and Python that the
project runs on, and the sha256 of every file that may be installed. uv writes it, and changes no
more of it than it must, unless the pins move.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from gru_tf.atomic import replacing
from gru_tf.commands import run_command

ROOT = Path(__file__).resolve().parents[1]
TOGETHER = [ROOT / f"requirements{kind}.txt" for kind in ("", "-setup", "-extras")]
TOOLS = ROOT / "requirements-tools.txt"
LOCKED = [*TOGETHER[:2], TOOLS]  # some extras come from where a machine keeps wheels of its own
PIN = re.compile(r"^([\w.-]+)==([\w.+!-]+)(?!.*# held)", re.MULTILINE)
LOCK_PIN = re.compile(r"^([\w.-]+)==(\S+)(?: ; (.+?))?(?: \\)?$", re.MULTILINE)


def newest(requirements):
    """Return the version that pip would install of each package, by its normalised name."""
    command = [sys.executable, "-m", "pip", "install", "-qq", "--dry-run", "--ignore-installed"]
    resolved = subprocess.run([*command, "--report", "-", *requirements], stdout=subprocess.PIPE)
    if resolved.returncode:
        sys.exit("pip found no releases that go together, see above: the pins stay as they are.")
    packages = [item["metadata"] for item in json.loads(resolved.stdout)["install"]]
    return {normalised(package["name"]): package["version"] for package in packages}


def normalised(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def moved(text, versions):
    """Return the requirements in `text` with the pins in `versions`."""
    return PIN.sub(lambda pin: f"{pin[1]}=={versions[normalised(pin[1])]}", text)


def as_list(text):
    """Return the requirements in `text`, one an entry, without comments."""
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    return [line for line in lines if line]


def freed(text):
    """Return the requirements in `text` without their pins, but for those that are held."""
    return as_list(PIN.sub(r"\1", text))


def run(*command, **options):
    """Run a command, or end with its output and one sentence."""
    done = subprocess.run([*map(str, command)], text=True, capture_output=True, **options)
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}\nThis failed: {' '.join(map(str, command))}")
    return done.stdout


def find_uv():
    """Return the path of uv, as tools/venv.sh finds it, or None."""
    beside = Path(sys.executable).with_name("uv")
    return shutil.which("uv") or (str(beside) if beside.exists() else None)


def locked(path):
    """Return (name, version, marker or "") of each line of a lock."""
    return LOCK_PIN.findall(path.read_text(encoding="utf-8"))


def lock(*options):
    """Write the locks, each whole or not at all."""
    uv = find_uv()
    if uv is None:
        sys.exit("The locks are written by uv: pip install --requirement requirements-setup.txt")
    for path in LOCKED:
        target = path.with_suffix(".lock")
        unfinished = path.with_suffix(".lock.unfinished")
        if target.exists():
            shutil.copyfile(target, unfinished)
        command = [uv, "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
        command += ["--python-version", "3.11", "--custom-compile-command", "make pins", *options]
        command += [path.name, "--output-file", unfinished.name]
        try:
            if subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL).returncode:
                sys.exit(f"{target.name} stays as it is, see above.")
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lock", action="store_true", help="write the locks, and move no pin")
    if parser.parse_args().lock:
        lock()
        return
    for paths in (TOGETHER, [TOOLS]):
        texts = {path: path.read_text() for path in paths}
        versions = newest([line for text in texts.values() for line in freed(text)])
        for path, text in texts.items():
            with replacing(path) as unfinished:
                unfinished.write_text(moved(text, versions))
            for name, version in PIN.findall(text):
                if version != versions[normalised(name)]:
                    print(f"{name} {version} -> {versions[normalised(name)]}")
    lock("--upgrade")


if __name__ == "__main__":
    run_command(main)
