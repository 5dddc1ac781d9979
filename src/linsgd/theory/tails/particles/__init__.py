"""Interacting particles: confidence intervals where no deterministic method serves."""
