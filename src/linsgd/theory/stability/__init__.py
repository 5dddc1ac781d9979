"""Critical learning rates of the mean, the mean square, higher moments and of convergence in law.

Stands on `linsgd.theory.tails`, which does not know it.
"""
