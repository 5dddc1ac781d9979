"""Which optimizers can be simulated: the one place where an update is entered."""

from linsgd.montecarlo.updates.adaptive import (
    AdagradUpdate,
    AdamUpdate,
    AdamWUpdate,
    NAdamUpdate,
    RMSpropUpdate,
)
from linsgd.montecarlo.updates.muon import MuonUpdate
from linsgd.montecarlo.updates.norm import ClippedSGDUpdate, NormalizedSGDUpdate
from linsgd.montecarlo.updates.schedule_free import ScheduleFreeSGDUpdate
from linsgd.montecarlo.updates.second_order import (
    NaturalGradientUpdate,
    SAMUpdate,
    StochasticNewtonUpdate,
)
from linsgd.montecarlo.updates.sgd import ScheduledSGDUpdate, SGDUpdate
from linsgd.montecarlo.updates.sign import LionUpdate, SignSGDUpdate
from linsgd.montecarlo.updates.update import Update
from linsgd.optimizers.adaptive import Adagrad, Adam, NAdam, RMSprop
from linsgd.optimizers.decoupled import AdamW, Muon
from linsgd.optimizers.norm import ClippedSGD, NormalizedSGD
from linsgd.optimizers.schedule_free import ScheduleFreeSGD
from linsgd.optimizers.scheduled_sgd import ScheduledSGD
from linsgd.optimizers.second_order import SAM, NaturalGradient, StochasticNewton
from linsgd.optimizers.sgd import SGD
from linsgd.optimizers.sign import Lion, SignSGD

UPDATES: dict[type, type[Update]] = {
    SGD: SGDUpdate,
    ScheduledSGD: ScheduledSGDUpdate,
    RMSprop: RMSpropUpdate,
    Adagrad: AdagradUpdate,
    Adam: AdamUpdate,
    NAdam: NAdamUpdate,
    SignSGD: SignSGDUpdate,
    Lion: LionUpdate,
    ClippedSGD: ClippedSGDUpdate,
    NormalizedSGD: NormalizedSGDUpdate,
    AdamW: AdamWUpdate,
    Muon: MuonUpdate,
    ScheduleFreeSGD: ScheduleFreeSGDUpdate,
    SAM: SAMUpdate,
    StochasticNewton: StochasticNewtonUpdate,
    NaturalGradient: NaturalGradientUpdate,
}
