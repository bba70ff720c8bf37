"""Move the pins to the newest releases that go together.

    python tools/pins.py

pip's resolver chooses for all files at once, without installing anything. A line
with `# held` keeps its pin.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILES = [ROOT / f"requirements{kind}.txt" for kind in ("", "-setup", "-extras")]
PIN = re.compile(r"^([\w.-]+)==([\w.+!-]+)(?!.*# held)", re.MULTILINE)


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


def main():
    texts = {path: path.read_text() for path in FILES}
    free = "\n".join(PIN.sub(r"\1", text) for text in texts.values())
    requirements = [line.split("#")[0].strip() for line in free.splitlines()]
    versions = newest([line for line in requirements if line])
    for path, text in texts.items():
        path.write_text(moved(text, versions))
        for name, version in PIN.findall(text):
            if version != versions[normalised(name)]:
                print(f"{name} {version} -> {versions[normalised(name)]}")


if __name__ == "__main__":
    main()
