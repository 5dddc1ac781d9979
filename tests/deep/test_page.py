"""The code of the page on networks runs, and its theory is near to the run."""

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")
PAGE = Path(__file__).parents[2] / "docs" / "networks.md"


def test_the_ten_lines_run():
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 4
    names = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    ratio = names["record"].velocity.var(axis=0) / names["predicted"].velocity_variance
    assert 0.5 < np.median(ratio) < 1.5
    assert names["predicted"].status == "ok"
