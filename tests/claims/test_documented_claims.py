"""The page on phase space names every claim about it, and no other."""

import re
from pathlib import Path

from linsgd.claims.kunin_2024 import kunin

PAGE = Path(__file__).parents[2] / "docs" / "phase_space.md"


def test_the_page_names_every_claim():
    section = PAGE.read_text().partition("## What is claimed")[2]
    assert set(re.findall(r"`([a-z_]+_[a-z_]+)`", section)) == {
        name.partition("/")[2] for name in kunin.entries
    }
