"""The judge: claims, what they predict and measure, and the verdict on each."""
