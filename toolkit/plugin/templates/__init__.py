"""Plugins that `trash plugin new` writes: one per kind, each complete, checked with the toolkit.

`template_name` becomes the component's name, in the test also `template_kind` its kind.
"""
