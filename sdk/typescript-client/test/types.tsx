// Compiled, never run: what the types promise.
import type { TypedDocumentNode } from "@apollo/client";
import { createClient, type JobState } from "../dist/index.js";
import { ErrandProvider, useJob } from "../dist/react.js";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <T extends true>(): T => true as T;

const errand = createClient({ url: "https://jobs.example", token: async () => "t", headers: { a: "b" } });

// What a code generator writes for a document.
declare const EXPORT: TypedDocumentNode<
  { __typename?: "Mutation"; exportReport: { __typename: "ExportReportJob"; id: string; result: { url: string } | null } | null },
  { input: { accountId: string } }
>;

export async function typed() {
  const handle = await errand.submit(EXPORT, { input: { accountId: "7" } });
  const { result } = await handle.wait({ timeout: 1_000 });
  holds<Equal<typeof result, { url: string }>>();
  // @ts-expect-error the variables are those of the document
  await errand.submit(EXPORT, { input: { account: 7 } });
  const named = await errand.submit<{ pages: number }>("exportReport", { input: {} }, { result: "{ pages }" });
  const state = await named.state();
  holds<Equal<typeof state, JobState<{ pages: number }> | null>>();
  for await (const event of errand.watch(handle)) event.sequence.toFixed();
}

export function Export({ id }: { id: string | null }) {
  const { status, progress, result, error, ended, cancel } = useJob<{ url: string }>(id, { result: "{ url }" });
  if (result) return <a href={result.url}>Your report</a>;
  if (error) return <p>{error.message} {error.remediation}</p>;
  return (
    <p>
      {status ?? "…"} <progress value={progress?.fraction ?? undefined} />
      <button disabled={ended} onClick={() => cancel()}>Stop</button>
    </p>
  );
}

export const Page = () => <ErrandProvider client={errand}><Export id="1" /></ErrandProvider>;
