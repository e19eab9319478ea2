import logging
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "sdk" / "python" / "src"))

from errand_worker import Worker  # noqa: E402

logging.getLogger("errand_worker").setLevel(logging.CRITICAL)
worker = Worker(os.environ["ERRAND_URL"], token=os.environ["ERRAND_TOKEN"], slots=64)


@worker.handler("work")
async def work(job):
    return job.arguments["n"]


worker.run_forever()
