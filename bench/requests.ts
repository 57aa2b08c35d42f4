/** People of the sample workspace who ask and decide, as a platform would have them do it. */
import type { Running } from '../src/compose.ts';
import { newId, PrincipalId, type RequestId, ThreadId } from '../src/model/ids.ts';
import { FINAL_STATES, type RequestView } from '../src/model/request.ts';
import type { DecisionKind } from '../src/model/turn.ts';

export const alice = PrincipalId.parse('alice');
export const bob = PrincipalId.parse('bob');
/** A turn, or a request that runs, that takes longer has gone wrong. */
const PATIENCE_MS = 30_000;

/** Alice says so; what came of it waits for somebody. */
export async function ask(running: Running, text: string): Promise<RequestView> {
  const { assistant } = running;
  const { turn } = await assistant.receive({
    key: crypto.randomUUID(),
    account: { platform: 'web', issuer: 'local', subject: alice },
    place: { platform: 'web', tenant: 'local', container: alice, thread: newId(ThreadId), direct: true },
    content: { kind: 'message', text, fetched: [] },
  });
  const { requests, reply } = await assistant.outcome(turn, PATIENCE_MS);
  const view = requests[0] === undefined ? null : await assistant.request(requests[0]);
  if (view === null) throw new Error(`no request came of "${text}": ${reply}`);
  return view;
}

export async function decide(
  running: Running,
  { id, digest }: RequestView,
  principal: PrincipalId,
  decision: DecisionKind,
): Promise<RequestView> {
  const key = crypto.randomUUID();
  const outcome = await running.assistant.decide({ key, request: id, principal, decision, digest });
  if (outcome.kind !== 'done') throw new Error(`the ${decision} was not taken: ${outcome.message}`);
  return outcome.request;
}

/** Resolves as soon as it is told that the request has succeeded. */
export function succeeded(running: Running, id: RequestId): Promise<void> {
  const { assistant } = running;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const look = async (): Promise<void> => {
    const view = await assistant.request(id);
    if (view?.state === 'succeeded') return resolve();
    if (view === null || FINAL_STATES.has(view.state))
      reject(new Error(`the request is ${view?.state}: ${view?.result?.message}`));
  };
  const stop = assistant.onChange((change) => {
    if (change.kind === 'request' && change.request === id) void look().catch(reject);
  });
  const late = setTimeout(() => reject(new Error('the request does not come to its end')), PATIENCE_MS);
  // It may have ended before anybody listened.
  void look().catch(reject);
  return promise.finally(() => {
    clearTimeout(late);
    stop();
  });
}
