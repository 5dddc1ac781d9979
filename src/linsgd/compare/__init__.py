"""Every theory beside the exact answer and the simulation."""
