"""Build ./.venv from the locked requirements, when they changed. Run by `./run` with the machine's
own Python, so: standard library only, and nothing imported from the project."""

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
COLLECTED = re.compile(rb"^(?:Collecting|Requirement already satisfied:) ", re.MULTILINE)
UNPACKING = b"Installing collected packages"


def main(arguments: list[str]) -> int:
    # Two copies of the desk may be started from one checkout at the same moment.
    with open(ROOT / ".venv.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        runtime = ROOT / "requirements.txt"
        if not is_current(runtime):
            make_venv()
            if not install(runtime):
                return 1
        dev = ROOT / "requirements-dev.txt"
        if "--dev" in arguments and not is_current(dev) and not install(dev):
            return 1
    return 0


def stamp(requirements: Path) -> Path:
    return VENV / f"installed-{requirements.stem}"


def digest(requirements: Path) -> str:
    python = f"{sys.version_info.major}.{sys.version_info.minor} {ROOT}\n".encode()
    return hashlib.sha256(python + requirements.read_bytes()).hexdigest()


def is_current(requirements: Path) -> bool:
    try:
        if stamp(requirements).read_text() != digest(requirements):
            return False
        return subprocess.run([PYTHON, "-c", ""], check=False).returncode == 0
    except OSError:
        return False


def make_venv() -> None:
    say("Making .venv")
    shutil.rmtree(VENV, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", VENV], check=True)


def install(requirements: Path) -> bool:
    total = len(re.findall(r"^\S+==", requirements.read_text(), re.MULTILINE))
    say(f"Installing {total} packages from {requirements.name} (your pip settings apply)")
    log = VENV / "install.log"
    command: list[str | Path] = [
        PYTHON,
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
    ]
    command += ["--progress-bar", "off", "--require-hashes", "-r", requirements]
    with log.open("wb") as output:
        pip = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            watch(pip, log, total)
        finally:
            if pip.poll() is None:
                pip.terminate()
                pip.wait()
    if pip.returncode != 0:
        tail = log.read_text(errors="replace").splitlines()[-15:]
        say("pip could not install the requirements:\n  " + "\n  ".join(tail))
        return False
    stamp(requirements).write_text(digest(requirements))
    return True


def watch(pip: "subprocess.Popen[bytes]", log: Path, total: int) -> None:
    """A line that counts on a terminal; every five seconds a line of its own elsewhere."""
    live = sys.stderr.isatty()
    started = time.monotonic()
    shown = started
    while pip.poll() is None:
        time.sleep(0.2)
        if live or time.monotonic() - shown > 5:
            shown = time.monotonic()
            line = f"  {how_far(log.read_bytes(), total)}, {shown - started:.0f} s"
            print(line, end="\r" if live else "\n", file=sys.stderr, flush=True)
    if live:
        print(" " * 40, end="\r", file=sys.stderr)


def how_far(log: bytes, total: int) -> str:
    """Not every locked package is for this machine, so fetching may end before the last number."""
    if UNPACKING in log:
        return "all fetched, unpacking"
    return f"{min(len(COLLECTED.findall(log)), total)}/{total} fetched"


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
    except subprocess.CalledProcessError as error:
        say(f"run: {error}")
        sys.exit(1)
