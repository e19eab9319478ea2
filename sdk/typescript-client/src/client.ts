import { pause, retryDelay, type RetryOptions } from "./backoff.js";
import { jobMutation, usedVariables, type Document, type JobMutation, type TypedDocument } from "./document.js";
import { endedError, ErrandError, NetworkError, RequestError, WaitTimeout, type GraphQLErrorShape } from "./errors.js";
import { EVENT_FIELDS, isTerminal, JOB_FIELDS, type JobEvent, type JobState, type SucceededJob } from "./job.js";
import { SchemaReader } from "./schema.js";
import { readEvents } from "./sse.js";

/** A GraphQL operation as it goes to the server. */
export interface Operation {
  query: string;
  variables: Record<string, unknown>;
  operationName?: string;
}

export interface OperationResult {
  data?: Record<string, any> | null;
  errors?: readonly GraphQLErrorShape[];
}

type MaybeAsync<T> = T | (() => T | Promise<T>);

export interface ClientOptions {
  /** The server's address, such as "https://jobs.example", or that of its endpoint, "https://jobs.example/graphql". */
  url: string;
  /** Goes into `Authorization: Bearer`. A function is asked before each request, so that a token may be renewed. */
  token?: MaybeAsync<string | undefined>;
  /** Further headers of each request; also a function. */
  headers?: MaybeAsync<Record<string, string>>;
  /** The platform's own unless given. */
  fetch?: typeof globalThis.fetch;
  retry?: RetryOptions;
  /** How long an event stream may be silent before it counts as broken; 30 s unless given. The server sends something every 10 s. */
  silenceMs?: number;
  /**
   * Runs subscriptions in place of event streams, such as `graphqlWs.iterate` of npm's graphql-ws: a page that follows more than
   * a few jobs over HTTP/1.1 needs one socket for all.
   */
  subscribe?: (operation: Operation) => AsyncIterable<unknown>;
}

export interface SubmitOptions {
  /** The same key gives the same job. Drawn unless given, and kept over every repetition of the request. */
  idempotencyKey?: string;
  /** Ends the waiting for an answer. The job may exist all the same. */
  signal?: AbortSignal;
  /**
   * With a field's name: what to select of the result, such as "{ url pages }". Left out: its fields without arguments to a
   * depth of 3, which takes an introspection query.
   */
  result?: string;
}

export interface FollowOptions {
  signal?: AbortSignal;
  /** What to select of the result, such as "{ url pages }"; "" for a scalar. Known of a job that this client's handle follows. */
  result?: string;
}

export interface WatchOptions {
  signal?: AbortSignal;
  /** The cursor of the last event that is known already. */
  after?: string;
}

export interface WaitOptions extends FollowOptions {
  /** Milliseconds, after which it rejects with WaitTimeout. */
  timeout?: number;
}

export interface CancelOptions {
  /** Shown to whoever looks at the job. */
  reason?: string;
  signal?: AbortSignal;
}

/** What a mutation's document says of its job's result. */
export type JobResult<Data> = 0 extends 1 & Data
  ? any
  : NonNullable<Data[Exclude<keyof Data, "__typename">]> extends { result?: infer Result }
    ? NonNullable<Result>
    : unknown;

/** How to ask for what belongs to one type of job. */
interface Selection {
  typename: string;
  text: string;
  fragments: string;
  definitions: string[];
  variables: Record<string, unknown>;
}

const RETRYABLE_CODES = new Set(["UNAVAILABLE", "RESOURCE_EXHAUSTED"]);
const REQUEST_TIMEOUT_MS = 30_000;

/** A job that was submitted. */
export class JobHandle<Result = unknown> {
  readonly id: string;
  /** The mutation. */
  readonly type: string;
  readonly idempotencyKey: string;
  /** What the mutation answered, as it selected it. */
  readonly data: any;
  readonly client: ErrandClient;
  readonly #selection: Selection;

  /** @internal */
  constructor(client: ErrandClient, idempotencyKey: string, data: any, selection: Selection) {
    this.client = client;
    this.id = data.id;
    this.type = data.type;
    this.idempotencyKey = idempotencyKey;
    this.data = data;
    this.#selection = selection;
  }

  /** @internal */
  get selection(): Selection {
    return this.#selection;
  }

  /** The job as it is now. */
  state(options: { signal?: AbortSignal } = {}): Promise<JobState<Result> | null> {
    return this.client.job<Result>(this, options);
  }

  /** See ErrandClient.watch(). */
  watch(options: WatchOptions = {}): AsyncGenerator<JobEvent, void, void> {
    return this.client.watch(this, options);
  }

  /** See ErrandClient.states(). */
  states(options: { signal?: AbortSignal } = {}): AsyncGenerator<JobState<Result>, void, void> {
    return this.client.states<Result>(this, options);
  }

  /** See ErrandClient.wait(). */
  wait(options: Omit<WaitOptions, "result"> = {}): Promise<SucceededJob<Result>> {
    return this.client.wait<Result>(this, options);
  }

  /** See ErrandClient.cancel(). */
  cancel(options: CancelOptions = {}): Promise<JobState> {
    return this.client.cancel(this, options);
  }
}

/** A job's id, or its handle. */
export type JobRef<Result = unknown> = string | JobHandle<Result>;

/** Submits jobs and follows them. Make it with createClient(). */
export class ErrandClient {
  readonly #url: string;
  readonly #options: ClientOptions;
  readonly #retry: Required<RetryOptions>;
  readonly #schema: SchemaReader;

  constructor(options: ClientOptions) {
    const base = (globalThis as { location?: { href: string } }).location?.href;
    const url = new URL(options.url, base);
    if (!url.pathname.endsWith("/graphql")) url.pathname = url.pathname.replace(/\/*$/, "/graphql");
    this.#url = url.href;
    this.#options = options;
    this.#retry = { attempts: 8, first: 250, longest: 10_000, ...options.retry };
    this.#schema = new SchemaReader((query, variables) => this.request({ query, variables }));
  }

  /**
   * Starts a job by a document with one mutation, or by the mutation's field and its arguments. Sent again, with the same
   * idempotency key, until there is an answer: however often that takes, there is one job.
   */
  submit<Result = any>(mutation: string, variables?: Record<string, unknown>, options?: SubmitOptions): Promise<JobHandle<Result>>;
  submit<Data, Variables>(
    mutation: TypedDocument<Data, Variables>,
    variables?: Variables,
    options?: SubmitOptions,
  ): Promise<JobHandle<JobResult<Data>>>;
  async submit(mutation: Document, variables: any = {}, options: SubmitOptions = {}): Promise<JobHandle<any>> {
    const isField = typeof mutation === "string" && /^[_A-Za-z]\w*$/.test(mutation);
    const known = jobMutation(isField ? await this.#schema.mutation(mutation, Object.keys(variables), options.result) : mutation);
    const idempotencyKey: string = options.idempotencyKey ?? variables?.options?.idempotencyKey ?? uuid();
    let data;
    try {
      data = await this.request(
        { query: known.text, variables, ...(known.operationName === undefined ? {} : { operationName: known.operationName }) },
        { headers: { "idempotency-key": idempotencyKey }, ...signalOf(options) },
      );
    } catch (error) {
      if (error instanceof NetworkError) error.idempotencyKey = idempotencyKey;
      throw error;
    }
    const [job] = Object.values(data);
    // With `validateOnly`, for one.
    if (!job) throw new ErrandError("the mutation made no job", "NO_JOB");
    return new JobHandle(this, idempotencyKey, job, selectionOf(known, job.__typename, variables));
  }

  /** The job as it is now, with its result if it has one; null if there is none of this id. */
  async job<Result = any>(job: JobRef<Result>, options: FollowOptions = {}): Promise<JobState<Result> | null> {
    const selection = await this.#selection(job, options);
    if (!selection) return null;
    const data = await this.request(stateOperation("query", idOf(job), selection), signalOf(options));
    return data["job"];
  }

  /**
   * Every event of the job from its first, or from the one after `after`: in order, each once, over broken connections and
   * restarts of the server. Ends with the job. Rejects with the signal's reason when that aborts.
   */
  async *watch(job: JobRef, options: WatchOptions = {}): AsyncGenerator<JobEvent, void, void> {
    const query = `subscription Watch($id: ID!, $after: String) { jobEvents(id: $id, after: $after) { ${EVENT_FIELDS} } }`;
    let cursor = options.after ?? null;
    let last = 0;
    yield* this.#resuming<JobEvent>(options.signal, async function* (run) {
      for await (const { jobEvents } of run({ query, variables: { id: idOf(job), after: cursor } })) {
        const event = jobEvents as JobEvent;
        if (event.sequence <= last) continue;
        last = event.sequence;
        cursor = event.cursor;
        yield event;
      }
    });
  }

  /** The job as it is now, then each change, coalesced: nothing is missed of where it stands. Ends with the job. */
  async *states<Result = any>(job: JobRef<Result>, options: FollowOptions = {}): AsyncGenerator<JobState<Result>, void, void> {
    const selection = await this.#persistently(options.signal, () => this.#selection(job, options));
    if (!selection) throw notFound(idOf(job));
    const operation = stateOperation("subscription", idOf(job), selection);
    yield* this.#resuming<JobState<Result>>(options.signal, async function* (run) {
      let ended = false;
      for await (const { job: state } of run(operation)) {
        if (!state) throw notFound(idOf(job));
        ended = isTerminal(state.status);
        yield state as JobState<Result>;
      }
      if (!ended) throw notFound(idOf(job)); // deleted meanwhile
    });
  }

  /** The job once it has SUCCEEDED; rejects with JobFailed, JobCanceled or JobExpired where it ended otherwise. */
  async wait<Result = any>(job: JobRef<Result>, options: WaitOptions = {}): Promise<SucceededJob<Result>> {
    const { timeout, signal, ...rest } = options;
    const controller = new AbortController();
    const stop = () => controller.abort(signal?.reason);
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
    const timer = timeout === undefined ? undefined : setTimeout(() => controller.abort(new WaitTimeout(idOf(job), timeout)), timeout);
    try {
      for await (const state of this.states<Result>(job, { ...rest, signal: controller.signal })) {
        if (state.status === "SUCCEEDED") return state as SucceededJob<Result>;
        if (isTerminal(state.status)) throw endedError(state);
      }
      throw notFound(idOf(job));
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
  }

  /** Asks the job to stop; resolves with its state: CANCELING for a while, or how it had ended before. */
  async cancel(job: JobRef, options: CancelOptions = {}): Promise<JobState> {
    const query = `mutation Cancel($id: ID!, $reason: String) { cancelJob(id: $id, reason: $reason) { ${JOB_FIELDS} } }`;
    const id = idOf(job);
    let state;
    try {
      state = (await this.request({ query, variables: { id, reason: options.reason ?? null } }, signalOf(options)))["cancelJob"];
    } catch (error) {
      // Perhaps by this very request, the answer to which was lost.
      if (!(error instanceof RequestError) || error.code !== "JOB_ENDED") throw error;
      const now = `query Ended($id: ID!) { job(id: $id) { ${JOB_FIELDS} } }`;
      state = (await this.request({ query: now, variables: { id } }, signalOf(options)))["job"];
    }
    if (!state) throw notFound(id);
    return { ...state, result: null };
  }

  /**
   * Runs any query, or a mutation that bears being repeated, and gives its `data`. Sent again where there is no answer or the server
   * cannot take it just now. Throws where a root field is null because of an error; errors further down leave what is there.
   */
  async request(
    operation: Operation,
    options: { headers?: Record<string, string>; signal?: AbortSignal } = {},
  ): Promise<Record<string, any>> {
    return this.#persistently(options.signal, () => this.#once(operation, options), this.#retry.attempts);
  }

  /** Tries again after what is worth it, `attempts` times in all. */
  async #persistently<T>(signal: AbortSignal | undefined, work: () => Promise<T>, attempts = Infinity): Promise<T> {
    for (let failures = 1; ; ++failures) {
      try {
        signal?.throwIfAborted();
        return await work();
      } catch (error) {
        signal?.throwIfAborted();
        if (!isRetryable(error) || failures >= attempts) throw error;
        await this.#wait(failures, error, signal);
      }
    }
  }

  /** Runs `read` again with a new connection, without end, as often as the one it has breaks. */
  async *#resuming<T>(
    signal: AbortSignal | undefined,
    read: (run: (operation: Operation) => AsyncIterable<Record<string, any>>) => AsyncGenerator<T>,
  ): AsyncGenerator<T, void, void> {
    for (let failures = 0; ; ) {
      try {
        signal?.throwIfAborted();
        for await (const item of read((operation) => this.#stream(operation, signal))) {
          failures = 0;
          yield item;
        }
        return;
      } catch (error) {
        signal?.throwIfAborted();
        if (!isRetryable(error)) throw error;
        failures += 1;
        await this.#wait(failures, error, signal);
      }
    }
  }

  #wait(failures: number, error: unknown, signal?: AbortSignal): Promise<void> {
    const asked = error instanceof NetworkError ? (error.retryAfter ?? 0) : 0;
    return pause(Math.max(asked, retryDelay(failures, this.#retry, Math.random())), signal);
  }

  async #once(operation: Operation, options: { headers?: Record<string, string>; signal?: AbortSignal }): Promise<Record<string, any>> {
    const { response, release } = await this.#fetch(
      operation,
      { accept: "application/graphql-response+json, application/json;q=0.9", ...options.headers },
      REQUEST_TIMEOUT_MS,
      options.signal,
    );
    try {
      return dataOf(await resultOf(response));
    } finally {
      release();
    }
  }

  async *#stream(operation: Operation, signal?: AbortSignal): AsyncGenerator<Record<string, any>, void, void> {
    if (this.#options.subscribe) {
      yield* customStream(this.#options.subscribe(operation), signal);
      return;
    }
    const silence = this.#options.silenceMs ?? 30_000;
    const { response, release, alive } = await this.#fetch(operation, { accept: "text/event-stream" }, silence, signal);
    try {
      const type = response.headers.get("content-type") ?? "";
      if (!response.ok || !type.startsWith("text/event-stream") || !response.body) {
        dataOf(await resultOf(response));
        throw new NetworkError(`the server answered with ${type || "nothing"} in place of an event stream`, `HTTP_${response.status}`, false);
      }
      for await (const { event, data } of readEvents(response.body, alive)) {
        if (event === "complete") return;
        if (event === "next") yield dataOf(JSON.parse(data) as OperationResult);
      }
    } catch (error) {
      throw asNetworkError(error);
    } finally {
      release();
    }
    throw new NetworkError("the event stream broke off", "NETWORK", true);
  }

  /** `release` ends it; without `alive` being called for `silence` milliseconds it ends by itself. */
  async #fetch(
    operation: Operation,
    headers: Record<string, string>,
    silence: number,
    signal?: AbortSignal,
  ): Promise<{ response: Response; release: () => void; alive: () => void }> {
    const { token, headers: further, fetch = globalThis.fetch } = this.#options;
    const bearer = typeof token === "function" ? await token() : token;
    const more = typeof further === "function" ? await further() : further;
    const controller = new AbortController();
    const stop = () => controller.abort(signal?.reason);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => controller.abort(new NetworkError("the server has been silent for too long", "NETWORK", true)), silence);
    };
    const release = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      controller.abort();
    };
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
    alive();
    try {
      const response = await fetch(this.#url, {
        method: "POST",
        headers: { "content-type": "application/json", ...(bearer ? { authorization: `Bearer ${bearer}` } : {}), ...more, ...headers },
        body: JSON.stringify(operation),
        signal: controller.signal,
      });
      return { response, release, alive };
    } catch (error) {
      release();
      throw asNetworkError(error);
    }
  }

  /** How to ask for the result of this job; undefined where there is no such job. */
  async #selection(job: JobRef, options: FollowOptions): Promise<Selection | undefined> {
    if (typeof job !== "string" && options.result === undefined) return job.selection;
    const typename = typeof job === "string" ? await this.#typename(job, options) : job.selection.typename;
    if (typename === undefined) return undefined;
    const text = options.result === undefined ? await this.#schema.result(typename) : `result ${options.result}`;
    return { typename, text, fragments: "", definitions: [], variables: {} };
  }

  async #typename(id: string, options: FollowOptions): Promise<string | undefined> {
    const query = "query JobType($id: ID!) { job(id: $id) { __typename } }";
    return (await this.request({ query, variables: { id } }, signalOf(options)))["job"]?.__typename;
  }
}

/** See ClientOptions. Nothing is sent before it is used. */
export function createClient(options: ClientOptions): ErrandClient {
  return new ErrandClient(options);
}

function idOf(job: JobRef): string {
  return typeof job === "string" ? job : job.id;
}

function signalOf({ signal }: { signal?: AbortSignal }): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}

function selectionOf(mutation: JobMutation, typename: string, variables: Record<string, unknown>): Selection {
  const used = usedVariables(`${mutation.selection} ${mutation.fragments}`);
  const names = [...mutation.variables.keys()].filter((name) => used.has(name));
  return {
    typename,
    text: mutation.selection,
    fragments: mutation.fragments,
    definitions: names.map((name) => mutation.variables.get(name) ?? ""),
    variables: Object.fromEntries(names.filter((name) => name in variables).map((name) => [name, variables[name]])),
  };
}

function stateOperation(kind: "query" | "subscription", id: string, selection: Selection): Operation {
  // A name that no document of an application has.
  const definitions = ["$errandJobId: ID!", ...selection.definitions].join(", ");
  const own = `... on ${selection.typename} { ${selection.text || "__typename"} }`;
  return {
    query: `${kind} JobState(${definitions}) { job(id: $errandJobId) { ${JOB_FIELDS} ${own} } } ${selection.fragments}`,
    variables: { ...selection.variables, errandJobId: id },
  };
}

async function resultOf(response: Response): Promise<OperationResult> {
  const { status } = response;
  let text: string;
  try {
    text = await response.text();
  } catch (error) {
    throw asNetworkError(error);
  }
  try {
    const result = JSON.parse(text) as OperationResult;
    if (typeof result === "object" && result !== null && ("data" in result || Array.isArray(result.errors))) return result;
  } catch {
    // A proxy's page, for one.
  }
  const seconds = Number(response.headers.get("retry-after") ?? NaN);
  throw new NetworkError(
    `the server answered with HTTP ${status} and no GraphQL response`,
    `HTTP_${status}`,
    status === 408 || status === 425 || status === 429 || status >= 500,
    undefined,
    Number.isFinite(seconds) ? seconds * 1000 : undefined,
  );
}

function dataOf({ data, errors }: OperationResult): Record<string, any> {
  if (errors && errors.length > 0 && (!data || Object.values(data).some((value) => value === null))) throw new RequestError(errors);
  return data ?? {};
}

async function* customStream(results: AsyncIterable<unknown>, signal?: AbortSignal): AsyncGenerator<Record<string, any>, void, void> {
  const iterator = results[Symbol.asyncIterator]();
  let stop: (() => void) | undefined;
  const stopped = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal?.reason as Error);
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
  });
  stopped.catch(() => undefined);
  try {
    for (;;) {
      const { done, value } = await Promise.race([iterator.next(), stopped]);
      if (done) return;
      yield dataOf(value as OperationResult);
    }
  } catch (error) {
    if (error instanceof ErrandError) throw error;
    if (Array.isArray(error)) throw new RequestError(error as GraphQLErrorShape[]);
    // The close codes from 4400 on say that the client is wrong; see docs/protocol/graphql.md.
    const { code } = error as { code?: unknown };
    const refused = typeof code === "number" && code >= 4400 && code < 4500 && code !== 4408;
    throw new NetworkError(refused ? `the socket was closed with ${code}` : "the subscription broke off", "NETWORK", !refused, error);
  } finally {
    if (stop) signal?.removeEventListener("abort", stop);
    void iterator.return?.()?.catch(() => undefined);
  }
}

/** What fetch and its streams throw, by our name. */
function asNetworkError(error: unknown): unknown {
  if (error instanceof ErrandError) return error;
  const { message, cause } = error as Error;
  return new NetworkError(`the server cannot be reached: ${(cause as Error | undefined)?.message || message}`, "NETWORK", true, error);
}

function isRetryable(error: unknown): boolean {
  if (error instanceof NetworkError) return error.retryable;
  return error instanceof RequestError && RETRYABLE_CODES.has(error.code);
}

function notFound(id: string): ErrandError {
  return new ErrandError(`there is no job ${id}`, "NOT_FOUND");
}

/** A random UUID, version 4, also where `crypto` is missing: Node.js 18, and pages without TLS lack parts of it. */
function uuid(): string {
  const crypto = (globalThis as { crypto?: Crypto }).crypto;
  if (crypto?.randomUUID) return crypto.randomUUID();
  const bytes = new Uint8Array(16);
  if (crypto?.getRandomValues) crypto.getRandomValues(bytes);
  else for (let i = 0; i < 16; ++i) bytes[i] = Math.floor(Math.random() * 256); // has to be unique, not secret
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
