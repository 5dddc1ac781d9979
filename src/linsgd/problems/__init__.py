"""What is learned: linear regression, its feature laws and label noises, and tables read from files."""
