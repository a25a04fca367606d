"""What MLflow's client reads of a run in its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builtins.trackers.tracked_project import TrackedProject
from toolkit.plugin.tracker import RunEnd, TrackedRun

pytestmark = pytest.mark.trackers


def test_figures_parameters_scores_and_pictures_are_read_back(tracked: TrackedProject) -> None:
    from mlflow.tracking import MlflowClient

    tracked.run_in_two_parts('{name="mlflow"}')
    client = MlflowClient(tracking_uri=(tracked.root / "mlruns").as_uri())
    experiment = client.get_experiment_by_name(tracked.root.name)
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.run_name, run.info.status) == ("tiny-001", "FINISHED")
    assert run.data.tags["trash.run"] == tracked.run_id
    assert run.data.tags["trash.author"] == "Ann Lee"
    assert run.data.params["optimizer.lr"] == "0.1"
    assert run.data.params["data.image_size"] == "[32, 32]"
    steps = client.get_metric_history(run.info.run_id, "step/loss")
    assert [each.step for each in steps] == list(range(1, 10))
    losses = client.get_metric_history(run.info.run_id, "epoch/val_loss")
    assert [(each.step, each.value) for each in losses] == [
        (each["epoch"], each["val_loss"]) for each in tracked.epochs
    ]
    test = tracked.result["submission"]["score"]
    assert run.data.metrics["end/test/miou"] == test["mean_iou"]
    assert run.data.metrics["iou/Background"] == tracked.epochs[-1]["val_iou"][0]
    files = [each.path for each in client.list_artifacts(run.info.run_id, "worst")]
    assert len(files) == 6
    assert client.download_artifacts(run.info.run_id, files[0], str(tracked.root)).endswith(".png")


def test_a_failed_run_and_strange_names_are_taken(tmp_path: Path) -> None:
    from mlflow.tracking import MlflowClient

    from toolkit.builtins.trackers.mlflow_tracker import MlflowTracker

    uri = (tmp_path / "elsewhere").as_uri()
    tracker = MlflowTracker(tmp_path / "runs" / "a-001", uri=uri, experiment="litter")
    tracker.run_started(TrackedRun("a-001", "a-3f9a01c7", recipe={"classes": ["종이"] * 400}))
    tracker.log_scores(1, {}, {"종이": 0.5, "A & B": 0.25, "A # B": 0.125})
    tracker.run_ended(RunEnd("failed", error="the loss became nan"))
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("litter")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.status, run.data.tags["trash.error"]) == ("FAILED", "the loss became nan")
    assert run.data.metrics["iou/종이"] == 0.5
    others = {key: value for key, value in run.data.metrics.items() if "A _ B" in key}
    assert sorted(others.values()) == [0.125, 0.25]  # two names stay two
    assert not (tmp_path / "mlruns").exists()
