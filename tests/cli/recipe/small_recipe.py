"""The smallest recipe of the tests."""

from __future__ import annotations

RECIPE = """\
# What: a test
title = "A test"
[data]
val = "val.json"
[model]
name = "unet"
encoder = "resnet18"
[loss]
name = "ce"
[reference]
public = 0.7147
"""
