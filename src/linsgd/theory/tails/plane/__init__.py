"""Two-dimensional steps: transfer operators on the projective line."""
