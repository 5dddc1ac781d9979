"""A validation killed in the middle goes on from its blocks and ends with the same bits."""

import json
import signal
import subprocess
import sys
import time

from linsgd.cli import main

CLAIM = [
    "--claim",
    "kunin_2024/stationary_position_variance",
    "--problem",
    "gaussian",
    "--seed",
    "7",
]
PATIENCE = 120  # seconds


SLOW = """
import runpy, signal, time
# a parent in the background would have switched it off
signal.signal(signal.SIGINT, signal.default_int_handler)
from linsgd import blocks
write = blocks._write
blocks._write = lambda *arguments: (write(*arguments), time.sleep(0.1))
runpy.run_module("linsgd", run_name="__main__")
"""  # so that it is not over before it is stopped


def start(folder):
    command = [sys.executable, "-c", SLOW, "validate", *CLAIM, "--out", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished_blocks(folder):
    return sorted(
        path for path in (folder / "blocks").glob("*.npz") if path.with_suffix(".sha256").exists()
    )


def stop_after(blocks, folder, how):
    process = start(folder)
    deadline = time.monotonic() + PATIENCE
    while (
        len(finished_blocks(folder)) < blocks
        and time.monotonic() < deadline
        and process.poll() is None
    ):
        time.sleep(0.002)
    process.send_signal(how)
    _, complaint = process.communicate(timeout=PATIENCE)
    assert not (folder / "report.json").exists(), "it was over before it could be stopped"
    return process.returncode, complaint


def run(folder, capsys):
    """Run the command to its end, in this process."""
    code = main(["validate", *CLAIM, "--out", str(folder)])
    output, complaint = capsys.readouterr()
    assert code == 0, complaint
    document = json.loads((folder / "report.json").read_text())
    document.pop("provenance")
    return document, output


def test_killed_and_interrupted_runs_end_with_the_same_bits(tmp_path, capsys):
    whole, _ = run(tmp_path / "whole", capsys)
    folder = tmp_path / "stopped"
    folder.mkdir()

    code, _ = stop_after(1, folder, signal.SIGKILL)
    assert code == -signal.SIGKILL
    first = finished_blocks(folder)
    kept = {path: path.stat().st_mtime_ns for path in first}
    assert 1 <= len(first) < len(finished_blocks(tmp_path / "whole"))

    code, complaint = stop_after(len(first) + 1, folder, signal.SIGINT)
    assert code == 130
    assert "interrupted; the same command continues from here" in complaint
    assert "Traceback" not in complaint
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, (
        "finished blocks are read, not computed again"
    )

    torn = first[0]
    torn.write_bytes(torn.read_bytes()[: torn.stat().st_size // 2])
    resumed, output = run(folder, capsys)
    assert resumed == whole
    assert "The page is" in output
    whole_blocks = [path.read_bytes() for path in finished_blocks(tmp_path / "whole")]
    assert [path.read_bytes() for path in finished_blocks(folder)] == whole_blocks
