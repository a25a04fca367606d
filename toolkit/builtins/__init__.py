"""The built-in components, offered through the same hooks as everyone else's.

A module here holds factories and hooks and imports no torch: listing plugins stays quick. What a
factory makes is in a module beside it, imported when it is called.
"""

MODULES: tuple[str, ...] = (
    "models",
    "losses",
    "augmentations",
    "mixes",
    "optimizers",
    "schedulers",
    "postprocessors",
    "views",
    "ensemblers",
    "metrics",
    "readers",
    "selectors",
    "submission_formats",
    "trackers",
)
