"""The writers of all pages that executions have written."""

from __future__ import annotations

from toolkit.experiment.execution.pages import PageWriters
from toolkit.report.pseudo_page import write_pseudo_page
from toolkit.report.run_report import write_report_of_run
from toolkit.report.worst_images import worst_images

PAGES = PageWriters(label_set=write_pseudo_page, run=write_report_of_run, worst_images=worst_images)
