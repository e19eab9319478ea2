"""The scripted handler as a command: the job on standard input, JSON lines on standard output (docs/operating/sandbox.md).

Its argument is a folder in which it remembers what it has given back, since each attempt is a process of its own.
"""
import json
import os
import signal
import sys
import time

job = json.load(sys.stdin)
given = job["arguments"]["input"]
script = json.loads(given["script"])
begun = time.monotonic()
told = {"stop": False}


def say(**line):
    print(json.dumps(line), flush=True)


def end(**line):
    say(**line)
    sys.exit(0)


def stopped(*_):
    told["stop"] = True


def first(kind):
    try:
        os.close(os.open(os.path.join(sys.argv[1], f"{job['jobId']}-{kind}"), os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False


def wait(ms, obeys):
    until = time.monotonic() + ms / 1000
    while time.monotonic() < until:
        if obeys and told["stop"]:
            end(error={"kind": "TRANSIENT", "code": "CANCELED", "message": "told to stop"})
        time.sleep(0.01)


def outcome(reason, text="done"):
    return {
        "text": text, "attempt": job["attempt"], "stopped": reason,
        "timeLeftMs": max(0, job["timeLeftMs"] - (time.monotonic() - begun) * 1000), "traceparent": job.get("traceparent"),
        "correlationId": job["correlationId"], "bytes": len(given.get("padding") or ""), "worker": os.environ.get("WORKER_NAME"),
    }


signal.signal(signal.SIGTERM, stopped)
reason = None
for step in script[min(job["attempt"], len(script)) - 1]:
    kind = step.pop("do")
    if kind == "progress":
        say(progress=step)
    elif kind == "flood":
        for i in range(1, step["count"] + 1):
            say(progress={"completed": i, "total": step["count"]})
    elif kind == "sleep":
        wait(step["ms"], obeys=True)
    elif kind == "stubborn":
        wait(step["ms"], obeys=False)
    elif kind == "untilStopped":
        while not told["stop"]:
            time.sleep(0.01)
        reason = "CANCEL"  # a signal does not say why
    elif kind in ("transient", "permanent"):
        end(error={"kind": kind.upper(), "message": "scripted", **step})
    elif kind == "crash":
        sys.exit(step.get("message", "scripted"))
    elif kind == "release":
        if first(kind):
            end(release=True)
    elif kind == "snooze":
        if first(kind):
            end(snoozeMs=step["ms"])
    elif kind == "return":
        end(result=step["value"])
    elif kind == "big":
        end(result=outcome(reason, "x" * step["bytes"]))
    else:
        end(error={"kind": "PERMANENT", "code": "SCRIPT_INVALID", "message": f"no operation {kind}"})
say(result=outcome(reason))
