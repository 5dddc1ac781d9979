"""Observables recorded along the chains, in memory constant in the steps: one a file."""
