/**
 * The end of a turn: everything that it led to is stored with its answer in one transaction, once, however many workers
 * answer it.
 */
import type { Announcing } from './announcing.ts';
import type { AuditLog } from './audit/log.ts';
import { rememberAsk, type StoredTurn, settleTurn } from './intake/turns.ts';
import type { MessageId, RequestId } from './model/ids.ts';
import type { ModelCall } from './model/ports.ts';
import type { Principal } from './model/principal.ts';
import type { StoredRequest } from './model/request.ts';
import { isSpoken } from './model/turn.ts';
import type { Proposed } from './proposing.ts';
import { type Deliverer, notify, reply, touch } from './reply/messages.ts';
import { begunAmong, completeBegun } from './reply/streaming.ts';
import { type Report, type ReportingDeps, report } from './reporting.ts';
import { aside, type Saying } from './saying.ts';
import { markSent, SENT_BEFORE } from './sent-forms.ts';
import type { Database, Tx } from './store/database.ts';
import { takenMeanwhile, type UndoDeps } from './undoing.ts';

export type SettlingDeps = Deliverer &
  ReportingDeps &
  UndoDeps & { db: Database; audit: AuditLog; announcing: Pick<Announcing, 'proposed'> };

/** Another worker settled the turn first. */
export class SettledBefore extends Error {}

const ERASED = 'Erased.';
const FILES_UNREAD = 'I do not read files: only the words of your message counted.';

/** Stores everything that one turn led to, once. */
export async function settle(
  deps: SettlingDeps,
  turn: StoredTurn,
  person: Principal | null,
  sayings: readonly Saying[],
  led: {
    proposed?: Proposed[];
    calls?: ModelCall[];
    ask?: Parameters<typeof rememberAsk>[3];
    unavailable?: string;
    report?: Omit<Report, 'turn'>;
    /** What the proposal takes back: once, however many ask at the same moment. */
    takesBack?: RequestId;
    /** The form by which it was asked for, where it stands in a conversation. */
    form?: MessageId;
    /** Somebody else's, that this person wanted to take back. */
    refusedUndo?: StoredRequest;
  } = {},
): Promise<void> {
  await deps.db
    .transaction(async (tx) => {
      const words: string[] = [];
      for (const call of led.calls ?? [])
        await recordModelCall(tx, deps, turn, person, call, led.unavailable);
      // A press, or an edit, says nothing: what is being asked for there is still.
      if (person && isSpoken(turn.content)) await rememberAsk(tx, turn.thread, person.id, led.ask ?? null);
      const said = [...sayings];
      if (led.report && person) {
        const text = await report(tx, deps, person, { turn: turn.id, ...led.report });
        said.push({ text, authorship: 'system' });
      }
      const taken = led.takesBack && person ? await takenMeanwhile(tx, deps, led.takesBack, person) : null;
      if (taken && person) said.push(aside(turn, person, taken));
      const isSent = await isSentOnce(tx, deps, led, person);
      if (!isSent && person) said.push(aside(turn, person, SENT_BEFORE));
      if (led.refusedUndo && person) {
        const what = { decision: 'undo', why: 'not_requester' };
        await recordRefusal(tx, deps, turn, person, led.refusedUndo, what);
      }
      let first: MessageId | null = null;
      for (const saying of said) {
        const id = await reply(tx, deps, {
          thread: turn.thread,
          turn: turn.id,
          principal: person?.id ?? null,
          ...saying,
        });
        first ??= id;
        words.push(saying.text);
      }
      if (person && cameWithFiles(turn)) words.push(await tellOfFiles(tx, deps, turn, person));
      const proposals = taken || !isSent ? [] : (led.proposed ?? []);
      for (const proposed of proposals) words.push(await deps.announcing.proposed(tx, proposed));
      if (led.takesBack) await touch(tx, deps, led.takesBack);
      if (!(await settleTurn(tx, turn.id, words.join('\n')))) throw new SettledBefore();
      await completeBegun(tx, turn.id, first);
      await notify(tx, { kind: 'thread', thread: turn.thread });
    })
    .catch((error: unknown) => {
      // Another worker was first: everything of this one was rolled back.
      if (!(error instanceof SettledBefore)) throw error;
      return endLeft(deps, turn);
    });
}

/** Whose turn was erased while it was answered is not left with half an answer: whoever else settles one completes it. */
export async function endLeft(
  deps: Pick<SettlingDeps, 'db' | 'audit' | 'deliver'>,
  { id, thread }: StoredTurn,
): Promise<void> {
  await deps.db.transaction(async (tx) => {
    for (const left of await begunAmong(tx, [id])) {
      const said = { thread, turn: left, principal: null, authorship: 'system' as const, text: ERASED };
      await completeBegun(tx, left, await reply(tx, deps, said));
    }
  });
}

/** False where the form has led to a request before. One that came to nothing can be sent again, mended. */
async function isSentOnce(
  tx: Tx,
  deps: Deliverer,
  { form, proposed = [] }: { form?: MessageId; proposed?: Proposed[] },
  person: Principal | null,
): Promise<boolean> {
  const stands = proposed.some(({ request: { state } }) => state !== 'failed' && state !== 'denied');
  return form === undefined || person === null || !stands || markSent(tx, deps, form, person.id);
}

/** Once with the answer: nobody shall believe that what they attached was taken into account. */
async function tellOfFiles(
  tx: Tx,
  deps: Pick<SettlingDeps, 'audit' | 'deliver'>,
  turn: StoredTurn,
  person: Principal,
): Promise<string> {
  const { thread, id } = turn;
  const saying: Saying = { text: FILES_UNREAD, authorship: 'system' };
  await reply(tx, deps, { thread, turn: id, principal: person.id, ...saying });
  return FILES_UNREAD;
}

const cameWithFiles = ({ content, problem }: StoredTurn): boolean =>
  problem === null && content.kind === 'message' && content.files !== undefined;

/** Somebody wanted to do with a request what is not theirs to do. */
export async function recordRefusal(
  tx: Tx,
  deps: Pick<SettlingDeps, 'audit'>,
  turn: StoredTurn,
  person: Principal,
  request: StoredRequest,
  what: { decision: string; why: string },
): Promise<void> {
  await deps.audit.append(tx, {
    type: 'approval.refused',
    turn: turn.id,
    request: request.id,
    principal: person.id,
    data: { digest: request.digest, ...what },
  });
}

async function recordModelCall(
  tx: Tx,
  deps: Pick<SettlingDeps, 'audit'>,
  turn: StoredTurn,
  person: Principal | null,
  call: ModelCall,
  problem?: string,
) {
  const about = { turn: turn.id, ...(person ? { principal: person.id } : {}) };
  await deps.audit.append(tx, {
    type: 'model.called',
    ...about,
    data: { model: call.model, rounds: call.rounds },
  });
  await deps.audit.append(tx, {
    type: 'model.answered',
    ...about,
    data: {
      model: call.model,
      inputTokens: call.inputTokens,
      outputTokens: call.outputTokens,
      durationMs: Math.round(call.durationMs),
      ...(problem === undefined ? {} : { problem }),
    },
  });
}
