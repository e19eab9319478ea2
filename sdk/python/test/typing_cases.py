"""What mypy must and must not accept; test_package.py has it checked. Never run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import List, TypedDict

from errand_worker import Job, JobOutcome, SnoozeJob, SyncJob, TransientError, Worker, run_job


@dataclass
class Input:
    account_id: str


class Report(TypedDict):
    url: str


worker = Worker("http://127.0.0.1:7420", token="t", slots=4, drain_timeout=timedelta(minutes=1), selectors={"gpu": ["a100"]})


@worker.handler("exportReport")
async def export_report(job: Job[Input]) -> Report:
    name: str = job.input.account_id
    rows: List[int] = await job.step("rows", lambda: [1, 2])
    other: int = await job.step("other", count)
    job.progress(completed=other, total=len(rows), stage=name)
    return {"url": name}


async def count() -> int:
    return 1


@worker.handler("plain", input_type=Input)
def plain(job: SyncJob[Input]) -> Report:
    if job.cancelled.wait(1.0):
        raise SnoozeJob(timedelta(hours=1))
    total: int = job.step("total", lambda: 1)
    job.progress(colour="red")  # type: ignore[call-arg]
    job.input.missing  # type: ignore[attr-defined]
    raise TransientError(str(total), retry_after=5)


@worker.handler("wrong")  # type: ignore[type-var]
def wrong(job: Job[Input]) -> Report:  # a plain handler gets a SyncJob
    raise NotImplementedError


outcome: JobOutcome = run_job(export_report, Input("7"), attempt=2)
