from . import levy as levy
