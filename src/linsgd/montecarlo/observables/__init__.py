"""What an ensemble records along its chains, in memory that does not grow with the steps: one observable a file."""
