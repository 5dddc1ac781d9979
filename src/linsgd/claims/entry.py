"""An entry of a paper's table of claims: who builds the claim, on which problems, and whether it is core."""

from collections.abc import Callable
from dataclasses import dataclass

from linsgd.claims.subjects import Subject
from linsgd.judge.claim import Claim


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: `build` makes the claim about a subject, and its name is the claim's.

    Attributes
    ----------
    build : callable
        From a subject to the claim.
    core : bool
        Whether quick effort judges it.
    data_only : bool
        Whether it speaks of data sets only.
    law_only : bool
        Whether it says the same of every problem, and is made once, on the law.
    """

    build: Callable[[Subject], Claim]
    core: bool = True
    data_only: bool = False
    law_only: bool = False

    @property
    def name(self) -> str:
        """The claim's name within its paper."""
        return self.build.__name__
