"""Verdicts: claims, acceptance sets, confidence intervals and the rule that compares them. Knows no paper and no optimizer."""
