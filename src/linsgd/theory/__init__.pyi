from . import escape as escape
from . import fokker_planck as fokker_planck
from . import levy as levy
