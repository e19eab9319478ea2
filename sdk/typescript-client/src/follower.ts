import type { ErrandClient, JobRef } from "./client.js";
import { ErrandError } from "./errors.js";
import { isTerminal, type JobEvent, type JobState } from "./job.js";

/** What is known of a job that a page shows. A new object with each change. */
export interface JobSnapshot<Result = any> {
  job: JobState<Result> | undefined;
  /** Empty unless they were asked for. */
  events: readonly JobEvent[];
  /** Why the job cannot be followed any more, though it has not ended. */
  failure: ErrandError | undefined;
}

export interface FollowerOptions {
  result?: string;
  events?: boolean;
}

export const NOTHING_KNOWN: JobSnapshot = Object.freeze({ job: undefined, events: Object.freeze([]) as readonly JobEvent[], failure: undefined });

/** Follows one job for all who look at it, from the first to the last of them. */
class Follower {
  snapshot = NOTHING_KNOWN;
  readonly #listeners = new Set<() => void>();
  readonly #abort = new AbortController();

  constructor(client: ErrandClient, job: JobRef, options: FollowerOptions) {
    const { signal } = this.#abort;
    const follow = { signal, ...(options.result === undefined ? {} : { result: options.result }) };
    this.#run(async () => {
      for await (const state of client.states(job, follow)) this.#set({ job: state });
    });
    if (options.events) {
      this.#run(async () => {
        for await (const event of client.watch(job, { signal })) this.#set({ events: [...this.snapshot.events, event] });
      });
    }
  }

  get isUsed(): boolean {
    return this.#listeners.size > 0;
  }

  add(listener: () => void): void {
    this.#listeners.add(listener);
  }

  remove(listener: () => void): void {
    this.#listeners.delete(listener);
  }

  stop(): void {
    this.#abort.abort();
  }

  /** A state that is known by other means, such as the answer to a cancel. */
  learn(state: JobState): void {
    const { job } = this.snapshot;
    // Only what cannot be older than what the stream says.
    if (job && !isTerminal(job.status) && state.attempt >= job.attempt) this.#set({ job: { ...state, result: job.result } });
  }

  #run(work: () => Promise<void>): void {
    work().catch((error: unknown) => {
      if (this.#abort.signal.aborted) return;
      const failure = error instanceof ErrandError ? error : new ErrandError((error as Error).message, "UNKNOWN", error);
      this.#set({ failure });
    });
  }

  #set(change: Partial<JobSnapshot>): void {
    if (this.#abort.signal.aborted) return;
    this.snapshot = { ...this.snapshot, ...change };
    for (const listener of [...this.#listeners]) listener();
  }
}

const followers = new WeakMap<ErrandClient, Map<string, Follower>>();

/** Followers are shared between those that ask the same of the same client. */
export function followerKey(job: JobRef, options: FollowerOptions): string {
  const [id, selection] = typeof job === "string" ? [job, null] : [job.id, job.selection];
  return JSON.stringify([id, options.result ?? selection, options.events ?? false]);
}

export function peek(client: ErrandClient, key: string): JobSnapshot | undefined {
  return followers.get(client)?.get(key)?.snapshot;
}

export function learn(client: ErrandClient, key: string, state: JobState): void {
  followers.get(client)?.get(key)?.learn(state);
}

/** Calls `listener` after each change until the function that it gives is called. */
export function follow(client: ErrandClient, key: string, job: JobRef, options: FollowerOptions, listener: () => void): () => void {
  let known = followers.get(client);
  if (!known) followers.set(client, (known = new Map()));
  const follower = known.get(key) ?? new Follower(client, job, options);
  known.set(key, follower);
  follower.add(listener);
  return () => {
    follower.remove(listener);
    // A moment later: React's StrictMode unmounts and mounts again at once, and so do lists that change.
    setTimeout(() => {
      if (follower.isUsed || known.get(key) !== follower) return;
      known.delete(key);
      follower.stop();
    }, 0);
  };
}
