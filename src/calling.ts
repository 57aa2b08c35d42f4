/** What is said, and to whom, while nobody decides: reminders below the card, and that others are asked too. */
import { type Target, targetInWords } from './approval/escalation.ts';
import { addReached, widen } from './approval/escalation-store.ts';
import type { AuditLog } from './audit/log.ts';
import { threadBelowCard } from './below-card.ts';
import type { RequestId, ThreadId } from './model/ids.ts';
import type { Principal } from './model/principal.ts';
import type { StoredRequest } from './model/request.ts';
import type { Place } from './model/turn.ts';
import type { AskingDeps } from './operators.ts';
import { putAgain, say, threadAt } from './reply/messages.ts';
import type { Tx } from './store/database.ts';

export type CallingDeps = Pick<AskingDeps, 'deliverer' | 'surfaces' | 'titleOf' | 'nameOf'> & {
  audit: AuditLog;
  /** Puts the card where those are who are asked by now, as durably as the first time. */
  queueAsking(tx: Tx, request: RequestId): Promise<void>;
};

/** Who is asked besides those who are, and why. */
export type Wider = {
  /**
   * Time passed; those asked cannot decide it alone; its route, or the rest of its plan, is gone; where it was to be asked,
   * nobody can be told.
   */
  because: 'undecided' | 'too_few' | 'rerouted' | 'unreachable';
  target: Target;
  people: readonly Principal[];
};

/** A few words below the card; the card itself only where it could not be shown, or is found to be gone. */
export async function remind(
  tx: Tx,
  deps: CallingDeps,
  request: StoredRequest,
  places: readonly Place[],
): Promise<void> {
  const text = `Reminder: ${deps.nameOf(request.requester)} still waits for a decision on "${deps.titleOf(request.action)}" (${request.id.slice(0, 8)}). The card is above.`;
  await deps.deliverer.deliver(tx, { request: request.id });
  for (const place of places) {
    const there = await threadAt(tx, place);
    if (await putAgain(tx, deps.deliverer, there, request.id)) continue;
    const thread = await threadBelowCard(tx, deps.surfaces(), there, request.id);
    if (thread !== null)
      await say(tx, deps.deliverer, { thread, turn: null, text, authorship: 'system', calls: true });
  }
}

/** Others are asked too: recorded, said wherever the card stands, and the card put where they are. */
export async function askToo(
  tx: Tx,
  deps: CallingDeps,
  request: StoredRequest,
  { because, target, people }: Wider,
): Promise<void> {
  const ids = people.map((person) => person.id);
  await deps.audit.append(tx, {
    type: 'approval.escalated',
    turn: request.turn,
    request: request.id,
    data: { digest: request.digest, because, target: targetInWords(target), to: ids },
  });
  if (target.kind === 'everybody') await widen(tx, request.id);
  await addReached(tx, request.id, ids, 'escalated');
  const names = people.map((person) => person.name).join(', ');
  await tellWhereItStands(
    tx,
    deps,
    request,
    `${whyInWords(because, `"${deps.titleOf(request.action)}" (${request.id.slice(0, 8)})`)} Now ${names} ${people.length === 1 ? 'is' : 'are'} asked too.`,
    [],
  );
  await deps.queueAsking(tx, request.id);
}

/** Says something below the card wherever approvers were asked, and where the requester asked, but for some conversations. */
export async function tellWhereItStands(
  tx: Tx,
  deps: Pick<CallingDeps, 'deliverer' | 'surfaces'>,
  request: StoredRequest,
  text: string,
  except: readonly ThreadId[],
): Promise<void> {
  const rows = await tx.query<{ thread: ThreadId }>(
    'select thread from messages where request = $1 and turn is null and undeliverable is null order by serial',
    [request.id],
  );
  for (const { thread } of rows.filter((row) => !except.includes(row.thread))) {
    const below = (await threadBelowCard(tx, deps.surfaces(), thread, request.id)) ?? thread;
    await say(tx, deps.deliverer, { thread: below, turn: null, text, authorship: 'system', calls: true });
  }
  await say(tx, deps.deliverer, { thread: request.thread, turn: request.turn, text, authorship: 'system' });
}

function whyInWords(because: Wider['because'], what: string): string {
  switch (because) {
    case 'undecided':
      return `Nobody has decided on ${what} yet.`;
    case 'too_few':
      return `Those who were asked about ${what} cannot decide it by themselves any more.`;
    case 'rerouted':
      return `Who is asked about ${what} was configured anew.`;
    case 'unreachable':
      return `Those who were to decide on ${what} cannot be told where they were to be asked.`;
  }
}
