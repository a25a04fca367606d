from __future__ import annotations

import json
from pathlib import Path

import pytest

from toolkit.cli.main import run


def test_the_schema_knows_every_component(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "schema", "-o", "schema.json"]) == 0
    schema = json.loads((project / "schema.json").read_text())
    names = {
        name
        for option in schema["definitions"]["component.loss"]["anyOf"]
        for name in option["properties"]["name"]["enum"]
    }
    assert {"ce", "dice_ce", "builtin:dice_ce"} <= names
    one_of = next(
        option
        for option in schema["definitions"]["component.augmentation"]["anyOf"]
        if option["title"] == "one_of"
    )
    assert one_of["properties"]["of"]["items"] == {"$ref": "#/definitions/component.augmentation"}
    assert schema["properties"]["model"]["$ref"] == "#/definitions/component.model"
    auxiliary = schema["definitions"]["Auxiliary"]["properties"]
    assert auxiliary["loss"]["$ref"] == "#/definitions/component.loss"
    mix = schema["definitions"]["Augment"]["properties"]["mix"]
    assert mix["items"] == {"$ref": "#/definitions/component.mix"}
