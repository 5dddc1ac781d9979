"""Epochs on finite data, reshuffled or in a fixed order: stationary law and moments in time."""
