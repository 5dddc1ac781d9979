"""Mean squared displacements and their exponents."""
