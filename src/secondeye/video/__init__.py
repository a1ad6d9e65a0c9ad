"""Frames in, frames out: probing, exact reading, cuts and windows on one side, layouts and encoding on the other."""
