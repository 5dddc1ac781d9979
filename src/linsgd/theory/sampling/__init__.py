"""How batches of one epoch depend on each other."""
