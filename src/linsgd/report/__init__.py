"""Verdicts to one HTML page, a JSON file and text."""
