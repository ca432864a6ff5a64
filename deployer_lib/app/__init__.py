"""The target: its kinds, its processes, the one HTTP seam and what phases hand over."""
