"""The problems: linear regression, its feature laws and label noises, and tables of data."""
