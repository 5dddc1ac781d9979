"""SGD with momentum as an underdamped Langevin equation: propagator, process, moments, currents."""
