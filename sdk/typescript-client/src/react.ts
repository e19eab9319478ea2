"use client";

import { createContext, createElement, useCallback, useContext, useMemo, useSyncExternalStore, type FunctionComponent, type ReactNode } from "react";
import type { CancelOptions, ErrandClient, JobRef } from "./client.js";
import type { ErrandError } from "./errors.js";
import { follow, followerKey, learn, NOTHING_KNOWN, peek } from "./follower.js";
import { isTerminal, type JobError, type JobEvent, type JobProgress, type JobState, type JobStatus } from "./job.js";

const ClientContext = createContext<ErrandClient | undefined>(undefined);

/** Gives the client to the hooks below it. */
export const ErrandProvider: FunctionComponent<{ client: ErrandClient; children?: ReactNode }> = ({ client, children }) =>
  createElement(ClientContext.Provider, { value: client }, children);

export interface UseJobOptions {
  /** That of the handle, or of ErrandProvider, unless given. */
  client?: ErrandClient;
  /** What to select of the result, such as "{ url pages }". Needless with a handle. */
  result?: string;
  /** Whether to collect the job's events too, over a second stream; false unless given. */
  events?: boolean;
}

export interface UseJob<Result = any> {
  /** All that is known; undefined until the server has answered, on the server, and without an id. */
  job: JobState<Result> | undefined;
  status: JobStatus | undefined;
  progress: JobProgress | null;
  /** Null until the job has SUCCEEDED. */
  result: Result | null;
  /** Why the job did not succeed. */
  error: JobError | null;
  /** Whether the job has ended. */
  ended: boolean;
  /** Every event so far, where `events` asks for them. */
  events: readonly JobEvent[];
  /** Why the job cannot be followed: there is none of this id, or the token is wrong. Broken connections are mended without a word. */
  failure: ErrandError | undefined;
  /** Asks the job to stop. */
  cancel: (options?: CancelOptions) => Promise<void>;
}

/**
 * Follows a job by its id or its handle, as long as the component is mounted. Null follows nothing, so that the hook can wait for
 * a submit. Components that show the same job share one stream.
 */
export function useJob<Result = any>(job: JobRef<Result> | null | undefined, options: UseJobOptions = {}): UseJob<Result> {
  const inherited = useContext(ClientContext);
  const client = options.client ?? (typeof job === "object" && job !== null ? job.client : inherited);
  if (job && !client) throw new Error("useJob() needs a client: wrap the page in <ErrandProvider client={...}>, or pass `client`");
  const { result, events } = options;
  const wanted = { ...(result === undefined ? {} : { result }), ...(events === undefined ? {} : { events }) };
  const key = job ? followerKey(job, wanted) : undefined;

  const subscribe = useCallback(
    (listener: () => void) => (client && job && key !== undefined ? follow(client, key, job, wanted, listener) : () => undefined),
    // `key` stands for the job and what is wanted of it.
    [client, key],
  );
  const snapshot = useSyncExternalStore(
    subscribe,
    () => (client && key !== undefined && peek(client, key)) || NOTHING_KNOWN,
    () => NOTHING_KNOWN,
  );
  const id = typeof job === "string" ? job : job?.id;
  const cancel = useCallback(
    async (how?: CancelOptions) => {
      if (!client || id === undefined || key === undefined) return;
      learn(client, key, await client.cancel(id, how));
    },
    [client, id, key],
  );

  return useMemo(() => {
    const state = snapshot.job as JobState<Result> | undefined;
    return {
      job: state,
      status: state?.status,
      progress: state?.progress ?? null,
      result: state?.result ?? null,
      error: state?.error ?? null,
      ended: state !== undefined && isTerminal(state.status),
      events: snapshot.events,
      failure: snapshot.failure,
      cancel,
    };
  }, [snapshot, cancel]);
}
