"""Stochastic optimizers with PyTorch's names and semantics."""
