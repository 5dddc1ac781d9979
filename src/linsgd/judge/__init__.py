"""The judge: claims, acceptance sets, confidence intervals, verdicts. It knows no optimizer."""
