"""`trash data objects`: cut objects out of the training images, and look at them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from toolkit.cli import console
from toolkit.cli.recipe_options import RECIPE_HELP, DataFolder, with_data
from toolkit.cli.session import open_registry
from toolkit.errors import UsageError
from toolkit.project import Project, find_project

if TYPE_CHECKING:
    import numpy as np

    from toolkit.data.contest import Contest
    from toolkit.objects.object_bank import ObjectStore
    from toolkit.recipe.schema import Recipe
    from toolkit.report.sheet import Picture

_DEFAULT = "cut"
_MIX = "object_mix"


class _CutByDefault(TyperGroup):
    """Takes a recipe in place of a command for one to be cut."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        words = [argument for argument in args if not argument.startswith("-")]
        if words and words[0] not in self.commands:
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_CutByDefault,
    help="Objects of rare classes to paste: cut, show. `trash data objects RECIPE` cuts.",
    no_args_is_help=True,
)


@app.command(_DEFAULT)
def cut(
    recipe: Annotated[
        Path,
        typer.Argument(
            metavar="RECIPE", help=f"{RECIPE_HELP} It gives the training split and the classes."
        ),
    ],
    data: DataFolder = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder to write, for objects.bank of other recipes."),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Cut objects of rare classes out of the training split, and say what there is.

    A training with object mix does the same; without -o the bank goes where it looks for it.
    """
    from toolkit.objects.object_bank import make_object_bank
    from toolkit.recipe.load import load_recipe
    from toolkit.recipe.problems import shown_path

    if output is not None and output.exists():
        raise UsageError(f"-o {output} exists", "Choose another name, or delete it.")
    project = find_project()
    loaded = load_recipe(recipe, project=project, set_=with_data((), data, project)).recipe
    contest = _contest(loaded, project)
    if output is None:
        bank = _bank(loaded, contest, project)
    else:
        progress = console.make_progress()
        bank = make_object_bank(output, loaded.objects, contest.train, progress)
    summary = _summary(bank)
    if json_:
        console.print_json(summary)
        return
    rows = [(name, *found.values()) for name, found in summary["classes"].items()]
    columns = ("class", "objects", "images", "smallest", "median", "largest")
    console.print_table(columns, rows, numeric=columns[1:])
    console.print_result(
        f"{summary['objects']} objects of {summary['images']} images, "
        f"{summary['bytes'] / 1e6:.1f} MB; areas in pixels of the photos"
    )
    console.print_result(shown_path(bank.folder))


@app.command()
def show(
    source: Annotated[
        Path, typer.Argument(metavar="RECIPE|FOLDER", help="A recipe, or the folder of a bank.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The picture to write, a PNG.")],
    count: Annotated[
        int, typer.Option(min=1, max=480, help="Objects of each class, and mixed images.")
    ] = 12,
    seed: Annotated[int, typer.Option(min=0, help="Seed of what is shown.")] = 0,
    data: DataFolder = None,
) -> None:
    """Write a picture of the objects; of a recipe, also of training images that hold them.

    Images are mixed by the recipe's `object_mix`, always, or by the default one if it has none.
    """
    import numpy as np

    from toolkit.objects.object_bank import ObjectStore
    from toolkit.recipe.load import load_recipe
    from toolkit.report.contact_sheet import bank_sheet
    from toolkit.report.sheet import write_sheet

    if output.suffix.lower() != ".png" or output.is_dir():
        near = output / "objects.png" if output.is_dir() else output.with_suffix(".png")
        raise UsageError(f"-o {output} is no name of a PNG file", f"Write -o {near}.")
    rng = np.random.default_rng(seed)
    if source.is_dir():
        bank = ObjectStore(source)
        parts = [bank_sheet(bank, bank.class_names, count, rng)]
    else:
        project = find_project()
        set_ = with_data((), data, project)
        recipe = load_recipe(source, project=project, set_=set_).recipe
        contest = _contest(recipe, project)
        bank = _bank(recipe, contest, project)
        parts = [bank_sheet(bank, bank.class_names, count, rng)]
        parts.append(_mixed(recipe, contest, bank, project, count, rng))
    write_sheet(output, parts)
    console.print_result(str(output))


def _contest(recipe: Recipe, project: Project) -> Contest:
    from toolkit.data.contest import open_contest

    return open_contest(recipe.data, project, console.make_progress())


def _bank(recipe: Recipe, contest: Contest, project: Project) -> ObjectStore:
    from toolkit.objects.object_bank import open_object_bank

    return open_object_bank(
        recipe.objects,
        contest.train,
        [split for split in (contest.val, contest.test) if split],
        cache=project.cache,
        project=project,
        progress=console.make_progress(),
    )


def _mixed(
    recipe: Recipe,
    contest: Contest,
    bank: ObjectStore,
    project: Project,
    count: int,
    rng: np.random.Generator,
) -> Picture:
    from toolkit.data.augment import AugmentStep, Pipeline
    from toolkit.plugin.component import ComponentSpec
    from toolkit.plugin.interfaces import Context
    from toolkit.report.contact_sheet import mixed_samples, mixed_sheet

    registry = open_registry(project)
    context = Context(
        class_names=contest.class_names,
        image_size=recipe.data.image_size,
        ignore_index=recipe.data.ignore_index,
        objects=lambda: bank,
    )
    mix = registry.find("augmentation", _MIX)
    specs = [
        spec for spec in recipe.augment.steps if registry.find("augmentation", spec.name) is mix
    ] or [ComponentSpec(name=_MIX)]
    always = [
        AugmentStep(spec.name, registry.build("augmentation", spec, context), 1) for spec in specs
    ]
    pipeline = Pipeline(tuple(always), context.image_size)
    pairs = mixed_samples(contest.train, pipeline, count, rng)
    return mixed_sheet(pairs, contest.class_names)


def _summary(bank: ObjectStore) -> dict[str, Any]:
    from statistics import median

    index = bank.index
    classes = {}
    for label in bank.labels:
        objects = [index.objects[position] for position in bank.of(label)]
        areas = [each.area for each in objects]
        classes[bank.class_names[label]] = {
            "objects": len(objects),
            "images": len({each.source for each in objects}),
            "smallest": min(areas),
            "median": round(median(areas)),
            "largest": max(areas),
        }
    return {
        "folder": bank.folder,
        "bytes": sum(file.stat().st_size for file in bank.folder.iterdir()),
        "objects": len(bank),
        "images": len(index.sources),
        "classes": classes,
    }
