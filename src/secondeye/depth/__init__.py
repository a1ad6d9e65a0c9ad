"""Inverse depth as data: one scale over a shot, frame-size maps that follow the picture's edges, files.

model's own units --scale--> 0 (farthest) to 1 (nearest) --upsample--> frame size --> geometry's disparity
"""
