"""The paper."""

from linsgd.claims.paper import Paper
from linsgd.references import SIMSEKLI_2019

simsekli = Paper("simsekli_2019", citation=SIMSEKLI_2019)
