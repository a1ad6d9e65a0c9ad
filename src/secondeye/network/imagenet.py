"""Colour statistics of ImageNet, by which most vision networks' inputs are normalised."""

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of red, green and blue, 0 to 1."""
