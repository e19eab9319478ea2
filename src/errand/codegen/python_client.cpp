#include "errand/codegen/python_client.h"

namespace errand::codegen {

std::string_view python_client_text() noexcept {
  return R"text(

class ErrandError(Exception):
    """The server refused (`code` is one of its list), or gave no usable answer (NETWORK, HTTP_503, ...)."""

    def __init__(self, message: str, code: str, retryable: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable
        self.retry_after = retry_after
        #: Of a submit without an answer: submitting again with this key gives the one job.
        self.idempotency_key: _t.Optional[str] = None


class JobNotSucceeded(ErrandError):
    """The job ended as FAILED, CANCELED or EXPIRED; `job` is its state."""

    def __init__(self, job: "JobState[_t.Any]") -> None:
        failure = job.error
        super().__init__(failure.message if failure else f"the job is {job.status}", failure.code if failure else job.status)
        self.job = job


@_dataclasses.dataclass(frozen=True)
class JobProgress:
    completed: float
    total: _t.Optional[float]
    fraction: _t.Optional[float]
    stage: _t.Optional[str]
    message: _t.Optional[str]


@_dataclasses.dataclass(frozen=True)
class JobFailure:
    code: str
    message: str
    details: _t.Any
    retryable: bool
    remediation: _t.Optional[str]


@_dataclasses.dataclass(frozen=True)
class JobState(_t.Generic[_Result]):
    """A job as it is at one moment. `result` is None until it has SUCCEEDED."""

    id: str
    type: str
    status: str
    run: int
    attempt: int
    progress: _t.Optional[JobProgress]
    error: _t.Optional[JobFailure]
    result: _t.Optional[_Result]

    @property
    def ended(self) -> bool:
        return self.status in ("SUCCEEDED", "FAILED", "CANCELED", "EXPIRED")


@_dataclasses.dataclass(frozen=True)
class JobType(_t.Generic[_Result]):
    """What a client knows of one type of job."""

    name: str
    mutation: str
    #: Selects the result, on the interface of all jobs.
    selection: str
    result_type: _t.Any

    def _state(self, job: _t.Mapping[str, _t.Any]) -> JobState[_Result]:
        progress, error = job["progress"], job["error"]
        succeeded = job["status"] == "SUCCEEDED"
        return JobState(
            id=job["id"],
            type=job["type"],
            status=job["status"],
            run=job["run"],
            attempt=job["attempt"],
            progress=None if progress is None else JobProgress(**progress),
            error=None if error is None else JobFailure(**error),
            result=_from_json(job.get("result"), self.result_type) if succeeded else None,
        )

    def _query(self, operation: str, call: str) -> str:
        return f"{operation} {{ job: {call} {{ {_JOB_FIELDS} {self.selection} }} }}"


_JOB_FIELDS = (
    "id type status run attempt progress { completed total fraction stage message } "
    "error { code message details retryable remediation }"
)


class JobHandle(_t.Generic[_Result]):
    """A job that was submitted, or that Client.follow() was told of."""

    def __init__(self, client: "Client", kind: JobType[_Result], id: str, idempotency_key: _t.Optional[str] = None) -> None:
        self.client = client
        self.id = id
        self.idempotency_key = idempotency_key
        self._kind = kind

    def _found(self, data: _t.Mapping[str, _t.Any]) -> JobState[_Result]:
        if data["job"] is None:
            raise ErrandError(f"there is no job {self.id}", "NOT_FOUND")
        return self._kind._state(data["job"])

    def state(self) -> JobState[_Result]:
        """The job as it is now."""
        return self._found(self.client.request(self._kind._query("query ($id: ID!)", "@JOB@(id: $id)"), {"id": self.id}))

    def states(self) -> _t.Iterator[JobState[_Result]]:
        """The job as it is now, then each change; ends with the job. Goes on over broken connections."""
        query = self._kind._query("subscription ($id: ID!)", "@JOB@(id: $id)")
        for data in self.client._follow(lambda: (query, {"id": self.id})):
            state = self._found(data)
            yield state
            if state.ended:
                return

    def watch(self, after: _t.Optional[str] = None) -> _t.Iterator[_t.Dict[str, _t.Any]]:
        """Every event of the job from its first, or from the one after the cursor `after`, each once; ends with the job."""
        cursor = after
        query = (
            "subscription ($id: ID!, $after: String) "
            "{ event: @EVENTS@(id: $id, after: $after) { id cursor jobId sequence type time data } }"
        )
        for data in self.client._follow(lambda: (query, {"id": self.id, "after": cursor})):
            event: _t.Dict[str, _t.Any] = data["event"]
            cursor = event["cursor"]
            yield event

    def wait(self, timeout: _t.Optional[float] = None) -> _Result:
        """The result, once there is one. Raises JobNotSucceeded, or TimeoutError after `timeout` seconds; the job goes on then."""
        deadline = None if timeout is None else _time.monotonic() + timeout
        query = self._kind._query("query ($id: ID!, $wait: Duration)", "@JOB@(id: $id, waitFor: $wait)")
        while True:
            left = 10.0 if deadline is None else min(10.0, deadline - _time.monotonic())
            began = _time.monotonic()
            state = self._found(self.client.request(query, {"id": self.id, "wait": f"{max(1, int(left * 1000))}ms"}))
            if state.status == "SUCCEEDED":
                return _t.cast(_Result, state.result)
            if state.ended:
                raise JobNotSucceeded(state)
            now = _time.monotonic()
            if deadline is not None and now >= deadline:
                raise TimeoutError(f"the job {self.id} has not ended within {timeout} s")
            # A server with too many held requests answers at once.
            rest = 0.5 - (now - began)
            if rest > 0:
                _time.sleep(rest if deadline is None else min(rest, deadline - now))

    def cancel(self, reason: _t.Optional[str] = None) -> JobState[_Result]:
        """Asks the job to stop; its state then: CANCELING for a while, or how it had ended before."""
        query = "mutation ($id: ID!, $reason: String) { job: @CANCEL@(id: $id, reason: $reason) { id } }"
        try:
            self.client.request(query, {"id": self.id, "reason": reason})
        except ErrandError as error:
            if error.code != "JOB_ENDED":
                raise
        return self.state()


def _json_name(field: "_dataclasses.Field[_t.Any]") -> str:
    name: str = field.metadata.get("json", field.name)
    return name


def _to_json(value: _t.Any) -> _t.Any:
    if _dataclasses.is_dataclass(value):
        members = {field: getattr(value, field.name) for field in _dataclasses.fields(value)}
        # A None that says nothing is left out: GraphQL tells it from null.
        return {_json_name(field): _to_json(each) for field, each in members.items() if each is not None or field.default is not None}
    if isinstance(value, _enum.Enum):
        return value.value
    if isinstance(value, (list, tuple)):
        return [_to_json(each) for each in value]
    if isinstance(value, dict):
        return {key: _to_json(each) for key, each in value.items()}
    if isinstance(value, _datetime.datetime):
        text = value.isoformat()
        return text[:-6] + "Z" if text.endswith("+00:00") else text
    if isinstance(value, (_datetime.date, _datetime.time)):
        return value.isoformat()
    if isinstance(value, (_uuid.UUID, _decimal.Decimal)):
        return str(value)
    return value


@_functools.lru_cache(maxsize=None)
def _hints(kind: _t.Any) -> _t.Dict[str, _t.Any]:
    return _t.get_type_hints(kind)


def _typename(kind: _t.Any) -> _t.Optional[str]:
    for field in _dataclasses.fields(kind):
        if field.metadata.get("json") == "__typename":
            return str(field.default)
    return None


def _from_json(value: _t.Any, kind: _t.Any) -> _t.Any:
    if value is None or kind is _t.Any:
        return value
    origin = _t.get_origin(kind)
    if origin is _t.Union:
        kinds = [each for each in _t.get_args(kind) if each is not type(None)]
        if len(kinds) > 1:
            kinds = [each for each in kinds if _typename(each) == value.get("__typename")]
        if not kinds:
            raise ErrandError(f"{value.get('__typename')} is no type that this client knows: generate it anew", "UNKNOWN_TYPE")
        return _from_json(value, kinds[0])
    if origin is list:
        return [_from_json(each, _t.get_args(kind)[0]) for each in value]
    if _dataclasses.is_dataclass(kind):
        hints = _hints(kind)
        make: _t.Any = kind
        return make(**{field.name: _from_json(value.get(_json_name(field)), hints[field.name]) for field in _dataclasses.fields(kind)})
    if kind is float:
        return float(value)
    if kind is _decimal.Decimal:
        return _decimal.Decimal(str(value))
    if kind is _datetime.datetime:
        return _datetime.datetime.fromisoformat(value[:-1] + "+00:00" if value.endswith(("Z", "z")) else value)
    if kind in (_datetime.date, _datetime.time):
        return kind.fromisoformat(value)
    if kind is _uuid.UUID:
        return _uuid.UUID(value)
    if isinstance(kind, type) and issubclass(kind, _enum.Enum):
        return kind(value)
    return value


class Client:
    """Submits jobs and follows them.

    url: the server's address, such as "http://127.0.0.1:7420". token: of a client, or a function that gives it.
    timeout: seconds in which the server has to say something. attempts: how often a request is sent in all.
    """

    def __init__(
        self,
        url: str,
        token: _t.Union[None, str, _t.Callable[[], str]] = None,
        *,
        timeout: float = 30.0,
        attempts: int = 8,
    ) -> None:
        self.url = url if url.endswith("/graphql") else url.rstrip("/") + "/graphql"
        self.token = token
        self.timeout = timeout
        self.attempts = attempts

    def follow(self, kind: JobType[_Result], id: str) -> JobHandle[_Result]:
        """The job `id`, which is of the type `kind`. Sends nothing."""
        return JobHandle(self, kind, id)

    def request(
        self,
        query: str,
        variables: _t.Mapping[str, _t.Any],
        headers: _t.Optional[_t.Mapping[str, str]] = None,
    ) -> _t.Dict[str, _t.Any]:
        """`data` of a query, or of a mutation that bears to be repeated. Sent again where there is no usable answer."""
        accept = {"Accept": "application/graphql-response+json, application/json;q=0.9", **(headers or {})}
        for failures in range(1, self.attempts + 1):
            try:
                with self._open(query, variables, accept) as response:
                    return self._data(response.read())
            except (OSError, _client.HTTPException) as problem:
                error = self._network_error(problem)
            except ErrandError as problem:
                error = problem
            if not error.retryable or failures == self.attempts:
                raise error
            self._pause(failures, error)
        raise ErrandError("attempts must be at least 1", "INVALID_ARGUMENT")

    def _open(self, query: str, variables: _t.Mapping[str, _t.Any], headers: _t.Mapping[str, str]) -> _t.Any:
        token = self.token() if callable(self.token) else self.token
        body = _json.dumps({"query": query, "variables": variables}).encode()
        all_headers = {"Content-Type": "application/json", **headers}
        if token:
            all_headers["Authorization"] = f"Bearer {token}"
        return _request.urlopen(_request.Request(self.url, body, all_headers, method="POST"), timeout=self.timeout)

    def _data(self, body: _t.Union[bytes, str]) -> _t.Dict[str, _t.Any]:
        try:
            answer = _json.loads(body)
            data, errors = answer.get("data"), answer.get("errors") or []
        except (ValueError, AttributeError) as problem:
            raise ErrandError("the server's answer is no GraphQL response", "NETWORK", True) from problem
        # An error further down leaves what is there.
        if data is None or (errors and any(each is None for each in data.values())):
            first = errors[0] if errors else {"message": "the server answered without data"}
            code = str((first.get("extensions") or {}).get("code", "UNKNOWN"))
            raise ErrandError(first["message"], code, code in ("UNAVAILABLE", "RESOURCE_EXHAUSTED"))
        found: _t.Dict[str, _t.Any] = data
        return found

    def _network_error(self, problem: Exception) -> ErrandError:
        if isinstance(problem, _urllib_error.HTTPError):
            with problem:
                body = problem.read()
                after = problem.headers.get("Retry-After") or ""
            try:
                self._data(body)
            except ErrandError as error:
                if error.code not in ("NETWORK", "UNKNOWN"):
                    error.retry_after = float(after) if after.isdigit() else 0.0
                    return error
            again = problem.code in (408, 425, 429) or problem.code >= 500
            return ErrandError(
                f"the server answered with HTTP {problem.code}", f"HTTP_{problem.code}", again, float(after) if after.isdigit() else 0.0
            )
        return ErrandError(f"{self.url}: {problem}", "NETWORK", True)

    def _pause(self, failures: int, error: ErrandError) -> None:
        longest = min(10.0, 0.25 * 2.0 ** min(failures, 10))
        _time.sleep(max(error.retry_after, _random.uniform(longest / 10, longest)))

    def _submit(
        self,
        kind: JobType[_Result],
        variables: _t.Dict[str, _t.Any],
        options: _t.Any,
        idempotency_key: _t.Optional[str],
    ) -> JobHandle[_Result]:
        key: str = idempotency_key or getattr(options, "idempotency_key", None) or str(_uuid.uuid4())
        sent = {name: _to_json(value) for name, value in variables.items() if value is not None}
        try:
            job = self.request(kind.mutation, sent, {"Idempotency-Key": _json.dumps(key)})[kind.name]
        except ErrandError as error:
            error.idempotency_key = key
            raise
        if job is None:
            raise ErrandError("the mutation made no job, as with validateOnly", "NO_JOB")
        return JobHandle(self, kind, job["id"], key)

    def _follow(self, operation: _t.Callable[[], _t.Tuple[str, _t.Dict[str, _t.Any]]]) -> _t.Iterator[_t.Dict[str, _t.Any]]:
        """`data` of each event of a subscription, over broken connections, until the server ends it."""
        failures = 0
        while True:
            try:
                with self._open(*operation(), {"Accept": "text/event-stream"}) as response:
                    event, lines = "", []
                    for raw in response:
                        line = raw.decode().rstrip("\r\n")
                        if line.startswith("event:"):
                            event = line[6:].strip()
                        elif line.startswith("data:"):
                            lines.append(line[5:].strip())
                        elif not line:
                            if event == "complete":
                                return
                            if event == "next":
                                failures = 0
                                yield self._data("\n".join(lines))
                            event, lines = "", []
                error = ErrandError("the event stream broke off", "NETWORK", True)
            except (OSError, _client.HTTPException) as problem:
                error = self._network_error(problem)
            except ErrandError as problem:
                error = problem
            failures += 1
            if not error.retryable or failures >= self.attempts:
                raise error
            self._pause(failures, error)
)text";
}

}  // namespace errand::codegen
