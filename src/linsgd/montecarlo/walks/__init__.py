"""Gradients of minibatches, and the engine that pairs them with updates."""
