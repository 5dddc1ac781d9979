"""First witness: predictions, from the problem and the optimizer alone."""
