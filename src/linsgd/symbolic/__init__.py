"""SymPy derivations of the formulas that theory evaluates."""
