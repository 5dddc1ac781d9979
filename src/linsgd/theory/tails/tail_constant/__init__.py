"""Goldie's constant C of P(|w - E w| > t) ~ C t^-alpha."""
