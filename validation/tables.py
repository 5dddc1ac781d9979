"""Verdicts on the data sets of the nightly test, as far as there is time for them.

    python validation/tables.py --seconds 1800          tables.json and tables.md

Runs `linsgd validate --data TABLE --target COLUMN --drop-missing` at quick effort and seed 0, raw
and with `--standardize`, the smallest tables first. A run that `tables.json` holds for this commit
is kept; one that takes longer than `--limit` seconds is cut off. Needs the dependency group
`tables` and pytest, as the list of data sets is that of the test.
"""

import argparse
import contextlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LISTED = runpy.run_path(str(ROOT / "tests" / "campaigns" / "test_real_tables.py"))
RECORD = ROOT / "validation" / "tables.json"
NOTE = (
    "N counts rows that miss a cell, which `--drop-missing` leaves out. Findings are "
    "approximations that fail on a table as the exact theory predicts. The seconds are those of "
    "one core of a machine that other work shared. Which claims are meant is in `tables.json`."
)
COLUMNS = {"raw": [], "standardised": ["--standardize"]}


@dataclass(frozen=True, kw_only=True)
class Run:
    """One validation; `exit_code` is None where it was cut off."""

    table: str
    columns: str
    commit: str
    rows: int
    features: int
    seconds: float | None
    exit_code: int | None
    claims: int = 0
    findings: int = 0
    refuted: list[str]
    undecided_unannounced: list[str]
    undecided_announced: list[str]


def commit() -> str:
    """Return the short hash of the commit that is validated."""
    asked = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()


def validated(name: str, columns: str, path: Path, target: str, limit: float) -> Run:
    """Validate one table in a process of its own."""
    header, *body = path.read_text(encoding="utf-8").splitlines()
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "linsgd", "validate", "--data", str(path)]
        words += ["--target", target, "--drop-missing", "--out", folder, "--overwrite"]
        words += COLUMNS[columns]
        started, code = time.monotonic(), None
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = subprocess.run(words, timeout=limit, capture_output=True).returncode
        seconds = round(time.monotonic() - started, 1)
        report = Path(folder) / "report.json"
        claims = json.loads(report.read_text())["claims"] if report.exists() else []
    undecided = [claim for claim in claims if claim["outcome"] == "undecided"]
    return Run(
        table=name,
        columns=columns,
        commit=commit(),
        rows=len(body),
        features=len(header.split(",")) - 1,
        seconds=seconds,
        exit_code=code,
        claims=len(claims),
        findings=sum(claim["finding"] for claim in claims),
        refuted=[claim["id"] for claim in claims if claim["outcome"] == "refuted"],
        undecided_unannounced=[claim["id"] for claim in undecided if not claim["note"]],
        undecided_announced=[claim["id"] for claim in undecided if claim["note"]],
    )


def page(runs: list[Run], possible: int) -> str:
    """Return the table as Markdown, with how many of the possible runs it holds."""
    ended = [run for run in runs if run.exit_code is not None]
    failed = [run for run in ended if run.exit_code != 0]
    shown = ", ".join(sorted({run.commit for run in runs}))
    lines = [
        "# Data sets that ship in packages",
        "",
        "`linsgd validate --data TABLE --target COLUMN --drop-missing`, raw and with "
        "`--standardize`, seed 0, quick effort; made by `python validation/tables.py`.",
        "",
        f"**{len(runs)} of the {possible} runs of `tests/campaigns/test_real_tables.py` were made "
        f"(commits {shown}): {len(ended)} ended, {len(failed)} of them with an exit code other "
        f"than 0; {len(runs) - len(ended)} were cut off and say nothing.** "
        f"{possible - len(runs)} were not made.",
        "",
        "| table | N x d | columns | exit code | claims | findings | refuted "
        "| undecided, not announced | undecided, announced | seconds |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        cells = [run.table, f"{run.rows} x {run.features}", run.columns]
        if run.exit_code is None:
            cells += ["cut off", *[""] * 5]
        else:
            lists = (run.refuted, run.undecided_unannounced, run.undecided_announced)
            cells += map(str, [run.exit_code, run.claims, run.findings, *map(len, lists)])
        cells.append("" if run.seconds is None else f"{run.seconds:.0f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", NOTE, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no run after")
    parser.add_argument("--limit", type=float, default=900.0, help="seconds of one run")
    asked = parser.parse_args()
    held = [Run(**each) for each in json.loads(RECORD.read_text())] if RECORD.exists() else []
    made = {(run.table, run.columns): run for run in held}
    current = {key for key, run in made.items() if run.commit == commit()}
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for parameter in LISTED["tables"]():
            load, name, target = parameter.values
            path = LISTED["written"](Path(folder) / f"{parameter.id}.csv", load, name, target)
            files[parameter.id] = path, target
        smallest = sorted(files, key=lambda name: os.path.getsize(files[name][0]))
        for name in smallest:
            for columns in COLUMNS:
                late = time.monotonic() - started > asked.seconds
                if late or (name, columns) in current:
                    continue
                made[name, columns] = validated(name, columns, *files[name], asked.limit)
                runs = [made[key] for key in sorted(made)]
                RECORD.write_text(json.dumps([asdict(run) for run in runs], indent=1) + "\n")
                text = page(runs, 2 * len(files))
                (ROOT / "validation" / "tables.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
