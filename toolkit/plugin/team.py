"""The project's `plugins/` folder as a package: `toolkit.plugin.team.<file>`.

A real package with a movable path, so that a plugin called torch.py shadows nothing, relative
imports between plugins work, and loader workers that start fresh (spawn, forkserver) can unpickle
a plugin's classes: they inherit the environment variable that holds the folder.

What runs is the source that anybody can read: Python's own finder would prefer a compiled module
beside it, and bytecode in `__pycache__/` that a clone may bring along, or that is as old to the
second and as long as the source was before an edit.
"""

import os
import sys
from collections.abc import Sequence
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from types import CodeType, ModuleType

FOLDER_VARIABLE = "TRASH_PLUGIN_FOLDER"

__path__ = [folder] if (folder := os.environ.get(FOLDER_VARIABLE)) else []


class _SourceLoader(SourceFileLoader):
    """Compiles the source each time; neither reads nor writes bytecode."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


class _Finder:
    """Finds the modules of this package, sources first."""

    _LOADERS = ((_SourceLoader, [".py"]), (ExtensionFileLoader, EXTENSION_SUFFIXES))

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(__name__ + "."):
            return None
        # A finder made anew has no list of files that may be out of date.
        found = (FileFinder(folder, *cls._LOADERS).find_spec(fullname) for folder in path or ())
        return next((spec for spec in found if spec is not None), None)


sys.meta_path.insert(0, _Finder)
