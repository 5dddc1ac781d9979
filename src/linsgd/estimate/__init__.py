"""Data to a number with an error. Knows neither theory nor simulation."""
