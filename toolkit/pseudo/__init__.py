"""Pseudo-label sets: predicted labels of unlabelled images, and which of them are trusted.

A set is made from what `predict` and `ensemble` return; the next `train` learns from it.
"""
