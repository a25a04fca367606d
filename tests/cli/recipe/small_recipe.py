"""The smallest recipe of the tests."""

from __future__ import annotations

RECIPE = '# What: a test\ntitle = "A test"\n[data]\nval = "val.json"\n[model]\nname = "unet"\nencoder = "resnet18"\n[loss]\nname = "ce"\n[reference]\npublic = 0.7147\n'
