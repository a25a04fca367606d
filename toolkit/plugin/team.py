"""The project's `plugins/` folder as a package: `toolkit.plugin.team.<file>`.

A real package with a movable path, so that a plugin called torch.py shadows nothing, relative
imports between plugins work, and loader workers that start fresh (spawn, forkserver) can unpickle
a plugin's classes: they inherit the environment variable that holds the folder.
"""

import os

FOLDER_VARIABLE = "TRASH_PLUGIN_FOLDER"

__path__ = [folder] if (folder := os.environ.get(FOLDER_VARIABLE)) else []
