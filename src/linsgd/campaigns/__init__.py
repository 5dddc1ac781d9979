"""Campaigns: which papers, effort and seed; those that ship are the TOML files in this folder."""

import tomllib
from pathlib import Path
from typing import Any

from linsgd import domains

__all__ = ["campaign"]

SHIPPED = tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.toml")))
DEFAULTS = {"effort": "quick", "papers": "all", "seed": 0}


def campaign(name: str) -> dict[str, Any]:
    """Return the settings of a shipped campaign or of a TOML file of one's own.

    Parameters
    ----------
    name : str
        "quick", "full", "networks", or the path of a file that ends in ``.toml``; what it leaves
        out is as in "quick".

    Returns
    -------
    dict
        Keyword arguments of `linsgd.validate`: effort, papers and seed.

    Raises
    ------
    ValueError
        If there is no such campaign or it sets anything else.

    Examples
    --------
    >>> campaign("quick")
    {'effort': 'quick', 'papers': 'all', 'seed': 0}
    """
    path = Path(name)
    if path.suffix != ".toml":
        path = Path(__file__).parent / f"{domains.choice('campaign', name, SHIPPED)}.toml"
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"campaign = {name!r} cannot be read: {error}") from error
    for key in settings:
        domains.choice(f"key of {path.name}", key, tuple(DEFAULTS))
    if not isinstance(settings.get("papers", ""), str):
        domains.refuse(
            f"papers in {path.name}", settings["papers"], "names separated by commas, in quotes"
        )
    return DEFAULTS | settings
