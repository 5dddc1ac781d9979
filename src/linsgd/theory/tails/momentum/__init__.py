"""Gaussian features of equal variance with momentum.

`transfer_operator` is the method, on Gram matrices of (w, v); `collocation` solves it and bounds
the error.
"""
