"""Does a valid submission look right beside the validation split and the files before it?"""

from __future__ import annotations

from pathlib import Path

from toolkit.project import Project
from toolkit.submission.check import CheckReport
from toolkit.submission.class_balance import share_warnings
from toolkit.submission.history import identical_to, read_submissions
from toolkit.submission.spec import Expectation, SpecSource


def doubts(
    file: Path, source: SpecSource, expected: Expectation, report: CheckReport, project: Project
) -> list[str]:
    """Return what looks wrong with a valid file, one sentence each.

    Args:
        file: the file.
        source: said what it should hold, and knows the classes' shares on the validation split.
        expected: what it should hold.
        report: of its check.
        project: has the earlier submissions.
    """
    earlier, broken = read_submissions(project)
    return [
        *share_warnings(report.class_shares, source.validation_shares, expected.class_names),
        *identical_to(file, report.labels_digest, earlier, project.submissions),
        *(error.message for error in broken),
    ]
