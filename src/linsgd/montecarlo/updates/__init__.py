"""Optimizers' steps and their own state, in kernels."""
