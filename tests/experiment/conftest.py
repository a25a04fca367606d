from __future__ import annotations

from tests.tiny_project import finished, project

__all__ = ["finished", "project"]
