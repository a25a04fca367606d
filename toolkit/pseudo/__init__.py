"""Pseudo-label sets: predicted labels of unlabelled images, and which of them are trusted.

The layout in DESIGN has no room for them. They have their own because they belong to none that is
there: a set is made from what `predict` and `ensemble` return, and is what the next `train` begins
with.
"""
