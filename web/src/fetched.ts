/** What lies at an address of the server. */

import { reasonWords } from './command';

/** Fetch JSON. Throws an Error that says what to do. */
export async function fetched<T>(address: string): Promise<T> {
  const answer = await fetch(address);
  if (answer.ok) return (await answer.json()) as T;
  const problem = (await answer.json().catch(() => ({}))) as { detail?: string; reason?: string };
  throw new Error(problem.reason ? reasonWords(problem.reason) : (problem.detail ?? String(answer.status)));
}
