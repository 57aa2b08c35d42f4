/** Typed commands that ask for nothing outside: obeyed at once, and answered in words. */
import type { Announcing } from './announcing.ts';
import { lockRequest, move } from './approval/requests.ts';
import type { AuditLog } from './audit/log.ts';
import { type JudgeDeps, judgeOf, partDepsOf } from './deciding.ts';
import type { Told } from './delegating.ts';
import { type EndingDeps, isForATime, noteWord } from './ending.ts';
import type { AnsweredCommand, ChatCommand } from './intake/chat-command.ts';
import { scopeInWords, switchesOn } from './intake/killswitch.ts';
import type { StoredTurn } from './intake/turns.ts';
import type { RequestId } from './model/ids.ts';
import type { Principal } from './model/principal.ts';
import type { StoredRequest } from './model/request.ts';
import { personNamed, requestNamed, SEVERAL_BEGIN_SO } from './naming.ts';
import { type Answered, inWords } from './saying.ts';
import { recordRefusal } from './settling.ts';
import type { Database, Tx } from './store/database.ts';

export type ObeyingDeps = JudgeDeps &
  Pick<EndingDeps, 'governed'> & {
    db: Database;
    audit: AuditLog;
    announcing: Pick<Announcing, 'resolved'>;
    /** Moves the kill switch, with everything that hangs on it. */
    kill(to: 'on' | 'off', command: Extract<ChatCommand, { kind: 'kill' }>, by: Principal): Promise<string>;
    /** "my requests", "waiting for me", or both with what they may ask for, in words. */
    list(kind: 'mine' | 'waiting' | 'home', person: Principal): Promise<string>;
    /** Hands a request over, with everything that hangs on it. `request`: its id, or how it begins; `to` null: nobody known. */
    delegate(by: Principal, request: string, to: Principal | null): Promise<Told>;
    /** Who is on call, in words; null: of every schedule. */
    onCall(schedule: string | null): Promise<string>;
  };

const NONE_UNKNOWN = 'There is no request of that id whose outcome is unknown.';
const NOT_THEIRS_WHO_GAIN =
  'What is given for a time: only somebody who may approve it, or an operator, can say what became of it, and not whoever asked.';
const NOT_THEIRS_TO_SAY = 'Only its requester or somebody who may approve it can say what became of it.';

/** What a command is answered. It settles nothing. */
export async function obey(
  deps: ObeyingDeps,
  turn: StoredTurn,
  command: AnsweredCommand,
  person: Principal,
): Promise<Answered> {
  switch (command.kind) {
    case 'whoami':
      return inWords(`You are ${person.name} (${person.id}), in ${person.groups.join(', ') || 'no group'}.`);
    case 'mine':
    case 'waiting':
    case 'home':
      return inWords(await deps.list(command.kind, person));
    case 'wrong':
      return inWords(`I did not understand that. Write: ${command.usage}`);
    case 'kill-status': {
      const on = await switchesOn(deps.db);
      const lines = on.map((it) => `On for ${scopeInWords(it)}, by ${it.by}: ${it.reason}`);
      return inWords(on.length === 0 ? 'The kill switch is off.' : lines.join('\n'));
    }
    case 'kill':
      return deps.judging.may(person, 'kill')
        ? inWords(await deps.kill(command.to, command, person))
        : { words: 'Only operators may move the kill switch.', refused: true };
    case 'resolve': {
      const named = await requestNamed(
        deps.db,
        partDepsOf(deps),
        command.request,
        person.id,
        (request) => request.state === 'unknown' && mayLookAsOperator(deps, request, person),
      );
      if (named.kind !== 'one') return inWords(named.kind === 'several' ? SEVERAL_BEGIN_SO : NONE_UNKNOWN);
      return resolveUnknown(deps, turn, { ...command, request: named.request }, person);
    }
    case 'delegate': {
      const mentions = turn.content.kind === 'message' ? turn.content.mentions : undefined;
      const to = await personNamed(deps.directory, command.to, mentions);
      return answered(await deps.delegate(person, command.request, to));
    }
    case 'on-call':
      return inWords(await deps.onCall(command.schedule));
  }
}

const answered = ({ became, words }: Told): Answered => ({ words, refused: became === 'refused' });

/** Whoever asked for something for a time gains by what is said of it: there somebody else says it, an operator if nobody who may approve it can. */
async function maySay(
  tx: Tx,
  deps: ObeyingDeps,
  request: StoredRequest,
  person: Principal,
): Promise<boolean> {
  if ((await judgeOf(deps).mayApprove(tx, person.id, request)).allowed) return true;
  return isForATime(deps, request) ? mayLookAsOperator(deps, request, person) : asksForIt(request, person);
}

const asksForIt = (request: StoredRequest, { id }: Principal): boolean =>
  id === request.requester || request.coRequesters.includes(id);

/** Operators may say what became of anything for a time that they did not ask for. */
const mayLookAsOperator = (deps: ObeyingDeps, request: StoredRequest, person: Principal): boolean =>
  isForATime(deps, request) && !asksForIt(request, person) && deps.judging.may(person, 'kill');

/** Somebody looked, and says what became of a write whose outcome nobody knew. */
export async function resolveUnknown(
  deps: ObeyingDeps,
  turn: StoredTurn,
  command: { request: RequestId; as: 'succeeded' | 'failed'; note: string },
  person: Principal,
): Promise<Answered> {
  return deps.db.transaction(async (tx) => {
    const request = await lockRequest(tx, command.request);
    if (request?.state !== 'unknown') return inWords(NONE_UNKNOWN);
    if (!(await maySay(tx, deps, request, person))) {
      await recordRefusal(tx, deps, turn, person, request, { decision: 'resolve', why: 'not_entitled' });
      const words = isForATime(deps, request) ? NOT_THEIRS_WHO_GAIN : NOT_THEIRS_TO_SAY;
      return { words, refused: true };
    }
    const event = command.as === 'succeeded' ? 'resolved_succeeded' : 'resolved_failed';
    const message = `${person.name} looked: it ${command.as}.${command.note === '' ? '' : ` ${command.note}`}`;
    const resolved = await move(tx, request.id, event, { code: `resolved_${command.as}`, message });
    if (resolved) {
      await deps.announcing.resolved(tx, resolved, person.id, command.note);
      await noteWord(tx, deps, resolved, command.as);
    }
    return inWords('Thank you; that is recorded.');
  });
}
