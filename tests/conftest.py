from __future__ import annotations

import gc
import os
import tempfile

# Python's garbage collection looks through all objects that torch has made, which stay to the end:
# with the usual thresholds it took a tenth of the tests' processor time.
gc.set_threshold(100_000, 50, 100)

# Two torch threads against a busy core run many times slower than one.
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_variable] = "1"
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
os.environ["COLUMNS"] = "100"
os.environ["NO_COLOR"] = "1"
# What the commands remember of plugins must not land in the home folder of who runs the tests.
_STATE = tempfile.TemporaryDirectory(prefix="trash-tests-")
os.environ["XDG_STATE_HOME"] = _STATE.name
os.environ.pop("TRASH_PLUGINS", None)
os.environ["TRASH_AUTHOR"] = "Ann Lee"
# Nor what trackers keep; nothing leaves the machine.
os.environ["WANDB_MODE"] = "offline"
for _variable in ("TRACKIO_DIR", "WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
    os.environ[_variable] = os.path.join(_STATE.name, _variable.lower())
for _variable in ("MLFLOW_TRACKING_URI", "TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL"):
    os.environ.pop(_variable, None)

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.real_processes import Processes, real_processes
from toolkit.plugin.discovery import load_registry
from toolkit.plugin.registry import Registry
from toolkit.progress import SilentProgress
from toolkit.recipe.data_tables import Demo

# Hypothesis takes the time of examples, and on a busy machine would find fault with any of them.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The built-in components alone."""
    return load_registry(None)


@pytest.fixture(scope="session")
def demo_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny demo contest; read-only for tests."""
    from toolkit.demo.write_demo import write_demo

    root = tmp_path_factory.mktemp("demo") / "contest"
    write_demo(root, Demo(train=12, val=6, test=5, size=64), SilentProgress())
    return root


@pytest.fixture(scope="session")
def taco_root() -> Path:
    """Real litter photos in the contest's format."""
    root = SHARED_DATA / "taco"
    if not root.is_dir():
        pytest.skip("the real photos (../shared/data/taco) are not here")
    return root


@pytest.fixture(scope="session")
def bags_root() -> Path:
    """Real photos with other classes, other ids and odd sizes."""
    root = SHARED_DATA / "bags"
    if not root.is_dir():
        pytest.skip("the real photos (../shared/data/bags) are not here")
    return root


@pytest.fixture
def processes() -> Iterator[Processes]:
    """Starts real processes, and leaves none behind."""
    with real_processes() as started:
        yield started
