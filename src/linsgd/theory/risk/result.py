"""The result of a risk curve."""

from dataclasses import dataclass

from linsgd.domains import FloatArray, IntArray
from linsgd.references import PAQUETTE_2024
from linsgd.result import Result, Status


class RiskStatus(Status):
    """Whether the risk stays bounded under the hyperparameters of every step."""

    OK = "ok"
    # some steps are beyond the edge of mean-square stability of constant hyperparameters
    UNSTABLE = "unstable"
    # fourth moments of the features or the variance of the labels are infinite
    INFINITE_VARIANCE = "infinite_variance"
    # the target of an infinite power law has infinite risk at w = 0, and at every step
    INFINITE_RISK = "infinite_risk"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class RiskCurve(Result):
    """The excess risk at several steps.

    Attributes
    ----------
    status : RiskStatus
        "unstable" where the hyperparameters of some step would let the second moment grow.
    unstable_from : int or None
        The first such step.
    steps : ndarray (K,)
        Numbers of steps done.
    excess_risk : ndarray (K,)
        E[R(w)] - R(w*), without the weight-decay term.
    error : ndarray (K,)
        Estimated relative error of each, from two resolutions of the spectrum and from rounding.
    lr : ndarray (K,)
        Learning rate of the step that follows.
    batch_size : ndarray (K,)
        Batch size of the step that follows.
    """

    references = (PAQUETTE_2024,)
    status: RiskStatus
    unstable_from: int | None
    steps: IntArray
    excess_risk: FloatArray
    error: FloatArray
    lr: FloatArray
    batch_size: FloatArray
