"""Checked by mypy --strict beside jobs.py, which is generated from tricky.graphql; then run beside a server."""

from __future__ import annotations

import datetime
import decimal
import logging
import sys
import threading
import typing

import jobs
from errand_worker import Job, SyncJob, Worker, run_job

logging.disable(logging.CRITICAL)
url, worker_token, client_token = sys.argv[1:]
worker = Worker(url, token=worker_token, slots=4, handle_signals=False)
handlers = jobs.Handlers(worker)


def grow(given: jobs.TreeInput) -> jobs.Tree:
    return jobs.Tree(name=given.name, children=[grow(each) for each in given.children], shape=given.shape)


@handlers.grow_tree
async def grow_tree(job: Job[jobs.TreeInput]) -> jobs.Tree:
    return grow(job.input)


@handlers.search
def search(job: SyncJob[jobs.SearchInput]) -> typing.List[jobs.SearchResult]:
    if job.input.near is not None:
        return [jobs.Person(friends=[jobs.Page(rank=2, name="page")], rank=job.input.near.x / 2, born=datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc))]
    return [jobs.Page(rank=7, name=job.input.text), jobs.Empty_()]


@handlers.configure
async def configure(job: Job[jobs.ConfigureArguments]) -> typing.Optional[jobs.Result]:
    settings = job.input.settings
    assert job.input.class_ == 7
    if settings is None:
        return None
    assert settings.when == datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    return jobs.Result(level=settings.level, tags=[*(settings.tags or []), str(job.input.ratio), str(settings.at.x)])


@handlers.ping
def ping(job: SyncJob[jobs.PingArguments]) -> bool:
    return True


@handlers.maybe
def maybe(job: SyncJob[typing.Union[jobs.PointInput, typing.Dict[str, typing.Any], None]]) -> typing.Optional[str]:
    # What was left out reads as a PointInput with all its defaults; the arguments tell.
    return str(job.input.x) if job.arguments and isinstance(job.input, jobs.PointInput) else None


@handlers.measure
def measure(job: SyncJob[typing.List[typing.List[typing.Optional[int]]]]) -> typing.List[typing.Optional[typing.List[float]]]:
    return [[(each or 0) / 2 for each in row] if row else None for row in job.input]


@handlers.import_
def import_(job: SyncJob[jobs.Keywords]) -> jobs.Keyword:
    import uuid

    return jobs.Keyword(
        from_=job.input.from_, level=job.input.level, id=uuid.UUID("3F2504E0-4F89-11D3-9A0C-0305E82C3301"), str_=job.input.account_id
    )


@handlers.pay
def pay(job: SyncJob[jobs.PayInput]) -> decimal.Decimal:
    return job.input.amount + (job.input.least or decimal.Decimal(0))


def refused() -> None:
    """What the types refuse; never run."""

    @handlers.ping  # type: ignore[type-var]
    def other(job: SyncJob[jobs.PingArguments]) -> str:
        return ""

    jobs.Tree(name="x")  # type: ignore[call-arg]
    jobs.Client("").grow_tree("x")  # type: ignore[arg-type]


assert run_job(grow_tree, {"name": "a"}).result == {"name": "a", "children": [], "parent": None, "shape": None, "owner": None}
thread = threading.Thread(target=worker.run_forever, daemon=True)
thread.start()
client = jobs.Client(url, client_token)

grown = client.grow_tree(jobs.TreeInput(name="a", children=[jobs.TreeInput(name="b", shape=[[1], None])], owner=jobs.OwnerInput()))
tree = grown.wait(timeout=60)
assert tree.name == "a" and tree.owner is None, tree
assert tree.children == [jobs.GrowTreeResultChildren(name="b", children=[], shape=[[1], None])], tree
assert client.follow(jobs.GROW_TREE, grown.id).state().result == tree
states = list(grown.states())
assert [state.status for state in states] == ["SUCCEEDED"] and states[0].result == tree, states
events = list(grown.watch())
assert events[0]["type"] == "dev.errand.job.enqueued" and events[-1]["type"] == "dev.errand.job.succeeded", events
assert list(grown.watch(after=events[0]["cursor"])) == events[1:]

page, empty = client.search(jobs.SearchInput(text="x")).wait(60)
assert page.typename == "Page" and page.rank == 7 and page.name == "x", page
assert empty.typename == "Empty_", empty
(person,) = client.search(jobs.SearchInput(near=jobs.PointInput(x=5))).wait(60)
assert person.typename == "Person" and person.person_rank == 2.5, person
assert person.born == datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc), person
assert person.friends[0].typename == "Page" and person.friends[0].rank == 2, person

assert client.configure("n").wait(60) == jobs.Result(level=jobs.Level.HIGH, tags=["a", "2.0", "1"])
changed = jobs.Settings(level=jobs.Level.None_, tags=None, when=None)
assert client.configure("n", changed).wait(60) == jobs.Result(level=jobs.Level.None_, tags=["2.0", "1"])
assert client.ping().wait(60) is True
assert client.maybe().wait(60) is None
assert client.maybe(jobs.PointInput()).wait(60) == "-2147483648"
assert client.measure([[1, None], []]).wait(60) == [[0.5, 0.0], None]
imported = client.import_(jobs.Keywords(from_=3, account_id="1", level=jobs.Level.class_)).wait(60)
assert imported.level is jobs.Level.class_ and imported.str_ == "1" and imported.id.version == 1, imported
assert client.pay(jobs.PayInput(amount=decimal.Decimal("3.5"))).wait(60) == decimal.Decimal("3.51")

one = client.ping(idempotency_key="one")
assert client.ping(idempotency_key="one").id == one.id
assert client.ping(options=jobs.JobOptions(idempotency_key="two")).idempotency_key == "two"
later = client.ping(options=jobs.JobOptions(delay="1h", tags=["x"], labels={"a": "b"}))
assert later.cancel("not needed").status == "CANCELED"
assert later.cancel().status == "CANCELED"
try:
    later.wait(60)
    raise AssertionError("a canceled job has no result")
except jobs.JobNotSucceeded as failure:
    assert failure.code == "CANCELED" and failure.job.id == later.id, failure.code
try:
    client.ping(options=jobs.JobOptions(delay="1h")).wait(0.01)
    raise AssertionError("it waits an hour")
except TimeoutError:
    pass
try:
    client.ping(options=jobs.JobOptions(validate_only=True))
    raise AssertionError("there is no job")
except jobs.ErrandError as refusal:
    assert refusal.code == "NO_JOB", refusal.code
try:
    jobs.Client(url, "wrong").ping()
    raise AssertionError("the token is wrong")
except jobs.ErrandError as refusal:
    assert refusal.code == "UNAUTHENTICATED", refusal.code
try:
    jobs.Client("http://127.0.0.1:9", "none", attempts=2).ping(idempotency_key="mine")
    raise AssertionError("nobody is there")
except jobs.ErrandError as refusal:
    assert refusal.code == "NETWORK" and refusal.idempotency_key == "mine", refusal.code

print("done")
