"""The paper."""

from linsgd.claims.paper import Paper
from linsgd.references import DAI_ZHU_2020

dai_zhu = Paper("dai_zhu_2020", citation=DAI_ZHU_2020)
