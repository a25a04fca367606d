"""One module per kind of component, each with its `RULES`."""
