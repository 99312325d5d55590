"""The picture of a session over time: series on a common unit, a window, geometry, SVG, and why series differ. Pure."""
