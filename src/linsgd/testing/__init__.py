"""Hypothesis strategies for users who test a theory of their own."""
