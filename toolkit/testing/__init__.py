"""Contracts of every kind of component, for plugin authors and for the project itself.

In a test: `check_component("loss", "my_loss", registry)`.
"""

from toolkit.testing.contract import (
    ContractError,
    ContractReport,
    Finding,
    NotCheckable,
    check_component,
    examine,
)

__all__ = [
    "ContractError",
    "ContractReport",
    "Finding",
    "NotCheckable",
    "check_component",
    "examine",
]
