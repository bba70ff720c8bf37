"""What the project stands on: its licences, its bill of materials, known faults, newer releases.

    python tools/supply.py licences    write docs/licences.md
    python tools/supply.py bom         write build/bom.json, as CycloneDX has it
    python tools/supply.py audit       look for known faults of the locked releases
    python tools/supply.py latest      run tests with the newest releases that are allowed

The tools of `bom` and `audit`, and the releases of `latest`, get environments under build/.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from importlib import metadata

from packaging.requirements import Requirement

import pins
from gru_tf.atomic import replacing
from gru_tf.commands import run_command

ROOT = pins.ROOT
BUILD = ROOT / "build"
LICENCES = ROOT / "docs" / "licences.md"
RECIPROCAL = ("GPL", "MPL", "EPL", "Mozilla")  # a changed copy must stay under the same licence

HEAD = """# The licences of what the project uses

Written by `make licences` from what each package says of itself. This project contains none of
them: set-up installs them. Those in `requirements.txt` are bold; the others are needed by them, by
`requirements-extras.txt`, by set-up, or by the tools of `make bom` and `make audit`.

Changed copies of these would have to stay under their licence: {reciprocal}.

"""


def run(*command, **options):
    """Run a command and return its exit status."""
    return subprocess.run([*map(str, command)], cwd=ROOT, **options).returncode


def environment(name, *requirements, fresh=False):
    """Return the Python of an environment under build/ that holds these requirements."""
    folder, uv = BUILD / name, pins.find_uv()
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if fresh or not python.exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=uv is None)
    installer = [uv, "pip", "install", "--quiet", "--python", python]
    if uv is None:
        installer = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    if run(*installer, *requirements):
        sys.exit(f"The environment build/{name} could not be made, see above.")
    return python


def tools():
    """Return the folder of the programs of requirements-tools.lock."""
    locked = pins.TOOLS.with_suffix(".lock")
    return environment("tools", "--require-hashes", "--requirement", locked).parent


def installed(paths=None):
    """Return the distributions of an environment, by normalised name."""
    found = metadata.distributions(**({"path": paths} if paths else {}))
    return {pins.normalised(one.metadata["Name"]): one for one in found}


def with_needs(names, here):
    """Return the names of installed distributions, and of all that they need."""
    found, waiting = set(), [pins.normalised(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in here and name not in found:
            found.add(name)
            needs = [Requirement(text) for text in here[name].requires or []]
            waiting += [
                pins.normalised(need.name)
                for need in needs
                if need.marker is None or need.marker.evaluate({"extra": ""})
            ]
    return found


def licence(distribution):
    """Return what a distribution says of its licence, in a few words."""
    about = distribution.metadata
    short = (about.get("License") or "").strip()
    if expression := about.get("License-Expression"):
        return expression
    kinds = [kind.split(" :: ")[-1] for kind in about.get_all("Classifier", [])]
    kinds = [kind for kind in kinds if "icense" in kind and kind != "OSI Approved"]
    if short and short != "UNKNOWN" and len(short) < 50 and "\n" not in short:
        return short
    return ", ".join(kinds) or "not stated"


def write_licences():
    here = installed()
    beside = installed([str(path) for path in tools().parent.rglob("site-packages")])
    rows, markers = {}, {}
    for path in pins.LOCKED:
        for name, version, marker in pins.locked(path.with_suffix(".lock")):
            rows.setdefault(name, set()).add(version)
            markers[name] = marker
    extras = (ROOT / "requirements-extras.txt").read_text(encoding="utf-8")
    extras = [pins.normalised(Requirement(line).name) for line in pins.as_list(extras)]
    if missing := [name for name in extras if name not in here]:
        sys.exit(f"Install requirements-extras.txt first. Missing: {', '.join(missing)}")
    for name in with_needs(extras, here):
        rows.setdefault(name, {here[name].version.split("+")[0]})
    asked = pins.as_list((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    asked = {pins.normalised(Requirement(line).name) for line in asked}
    lines, reciprocal = ["| package | version | licence |", "| --- | --- | --- |"], []
    for name, versions in sorted(rows.items()):
        found = [one[name] for one in (here, beside) if name in one]
        found = [one for one in found if one.version.split("+")[0] in versions]
        words = licence(found[0]) if found else f"not read: used where {markers[name]}"
        if not found and not markers[name]:
            sys.exit(f"{name} {versions} is not installed: run make venv first.")
        if any(word in words for word in RECIPROCAL):
            reciprocal.append(name)
        shown = f"**{name}**" if name in asked else name
        lines.append(f"| {shown} | {', '.join(sorted(versions))} | {words} |")
    head = HEAD.format(reciprocal=", ".join(reciprocal) or "none")
    with replacing(LICENCES) as unfinished:
        unfinished.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"written: docs/licences.md, {len(rows)} packages")


def write_bom():
    target = BUILD / "bom.json"
    command = [tools() / "cyclonedx-py", "environment", "--output-format", "JSON"]
    command += ["--pyproject", "pyproject.toml", "--output-file", target, sys.executable]
    if run(*command):
        sys.exit("No bill of materials was written, see above.")
    print(f"written: {target.relative_to(ROOT)}")


def ask_about(text):
    """Return what pip-audit says of each requirement in `text`, or a sentence why it can't."""
    asked, report = BUILD / "audit.txt", BUILD / "audit.json"
    asked.write_text(text, encoding="utf-8")
    report.unlink(missing_ok=True)
    command = [tools() / "pip-audit", "--requirement", asked, "--require-hashes", "--disable-pip"]
    command += ["--progress-spinner", "off", "--timeout", "15", "--format", "json"]
    done = subprocess.run(
        [*map(str, command), "--output", str(report)], text=True, stderr=subprocess.PIPE
    )
    if report.exists():
        return json.loads(report.read_text(encoding="utf-8"))["dependencies"]
    return (done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]


def audit():
    """Print the known faults of what is locked; return 1 if there are any.

    Where the database can't be reached, or knows nothing of what it is asked, as behind an index
    that has packages alone, that is said, and is no fault.
    """
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    one = re.search(r"^numpy==.*?(?=^\S)", text, re.MULTILINE | re.DOTALL)[0]
    said = ask_about(one)  # a hundred and more are not asked for in vain
    if isinstance(said, str) or "skip_reason" in said[0]:
        why = said if isinstance(said, str) else said[0]["skip_reason"]
        print(f"Skipped: the database of known faults can't be asked from here ({why}).")
        return 0
    said = ask_about(text)
    if isinstance(said, str):
        sys.exit(said)
    faults = [(one["name"], one["version"], v) for one in said for v in one.get("vulns", [])]
    for name, version, fault in faults:
        fixed = ", ".join(fault["fix_versions"]) or "none yet"
        print(f"{name} {version}: {fault['id']}, mended in {fixed}")
    unknown = [one["name"] for one in said if "skip_reason" in one]
    print(f"{len(said) - len(unknown)} packages asked about, {len(faults)} known faults")
    if unknown:
        print(f"Not in the database: {', '.join(unknown)}")
    return int(bool(faults))


def latest(words):
    """Run pytest with the newest releases that pyproject.toml and `# held` allow."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    python = environment("latest", "--upgrade", *pins.freed(text), "--editable", ROOT)
    code = "from importlib.metadata import *; [print(d.name, d.version) for d in distributions()]"
    said = subprocess.run([python, "-c", code], text=True, stdout=subprocess.PIPE, check=True)
    now = {
        pins.normalised(name): version for name, version in map(str.split, said.stdout.splitlines())
    }
    locked = {}
    for name, version, _ in pins.locked(ROOT / "requirements.lock"):
        locked.setdefault(name, set()).add(version)
    newer = [
        f"{name} {now[name]}, locked {', '.join(sorted(versions))}"
        for name, versions in sorted(locked.items())
        if name in now and now[name] not in versions
    ]
    print("\n".join(newer or ["Every release is the locked one."]), flush=True)
    return run(python, "-m", "pytest", "-n", "2", "--dist=loadfile", *(words or ["tests"]))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["licences", "bom", "audit", "latest"])
    parser.add_argument("tests", nargs="*", help="for latest: files of tests, by default all")
    options = parser.parse_args()
    BUILD.mkdir(exist_ok=True)
    if options.what == "latest":
        return latest(options.tests)
    return {"licences": write_licences, "bom": write_bom, "audit": audit}[options.what]()


if __name__ == "__main__":
    run_command(main)
