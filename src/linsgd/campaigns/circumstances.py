"""The circumstances under which the numbers of a report were made."""

import hashlib
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from linsgd.problems.features.finite_data import FiniteData
from linsgd.problems.linear_regression import LinearRegression
from linsgd.problems.table import Table

CPU_INFO = Path("/proc/cpuinfo")  # of Linux, where platform.processor() is often empty
OPTIONAL = ("sympy", "scikit-learn", "torch")  # which a claim may use; numpy etc. are always named
PATIENCE = 5.0  # seconds for git


def circumstances(started: float, data: LinearRegression | Table | None) -> dict[str, Any]:
    """Return when, for how long, on what machine and on which data a validation worked.

    Parameters
    ----------
    started : float
        `time.monotonic()` at the (last) start.
    data : LinearRegression, Table or None
        The user's data.

    Returns
    -------
    dict
        Entries of a report's provenance; what cannot be found out is left out.
    """
    found = {
        "commit": commit(),
        **versions(OPTIONAL),
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - started, 1),
        "data_sha256": None if data is None else digest(data),
    }
    return {key: value for key, value in found.items() if value not in (None, "")}


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of those packages that are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def cpu() -> str:
    """Return the model of the processor, or an empty text."""
    if CPU_INFO.is_file():
        for line in CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor()


def commit() -> str:
    """Return the commit of the checkout that linsgd runs from, or an empty text.

    A checkout with changes that are not committed is marked as such.
    """
    source, git = Path(__file__).resolve().parents[2], shutil.which("git")
    checkout = source.parent
    if git is None or source.name != "src" or not (checkout / ".git").exists():
        return ""
    try:
        head = _git(git, checkout, "rev-parse", "--short=12", "HEAD")
        changed = _git(git, checkout, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return ""
    return f"{head} with uncommitted changes" if changed else head


def digest(data: LinearRegression | Table) -> str:
    """Return the SHA-256 of a file, as sha256sum prints it, or of features and labels in memory.

    Those in memory are hashed as little-endian doubles, X by rows and then y.
    """
    if isinstance(data, Table) and data.is_file:
        return hashlib.sha256(Path(data.source).read_bytes()).hexdigest()
    problem = data.read() if isinstance(data, Table) else data
    law = problem.features
    if not isinstance(law, FiniteData):
        return ""
    hashed = hashlib.sha256()
    for array in (law.X, law.y):
        hashed.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
    return hashed.hexdigest()


def _git(git: str, folder: Path, *words: str) -> str:
    call = [git, "-C", str(folder), *words]
    done = subprocess.run(call, capture_output=True, text=True, timeout=PATIENCE, check=True)
    return done.stdout.strip()
