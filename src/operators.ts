/** Saying something where nobody asked: to approvers who are needed, and to operators who should know. */
import { waitsForApproval } from './approval/needs.ts';
import { findRequest } from './approval/requests.ts';
import { newestCheckpoint } from './audit/head.ts';
import { AppError } from './errors.ts';
import type { Judging } from './judging.ts';
import type { MessageId, PrincipalId, RequestId } from './model/ids.ts';
import type { Surface } from './model/ports.ts';
import type { Principal } from './model/principal.ts';
import type { StoredRequest } from './model/request.ts';
import type { Place } from './model/turn.ts';
import { summaryOf } from './reply/attributed.ts';
import { type Deliverer, putAgain, say, threadAt } from './reply/messages.ts';
import type { Database, Tx } from './store/database.ts';

export type OutreachDeps = {
  db: Database;
  surfaces(): readonly Surface[];
  deliverer: Deliverer;
  /** A platform of which it is not even known yet where operators are told: it is left out, and keeps no other from hearing. */
  untold(error: AppError, platform: Surface['platform']): void;
};

/**
 * Checkpoints leave the house this often at most, and only when there is a newer one. What is rewritten within this
 * time is found against the file of checkpoints only; more often, and nobody would read the channel any more.
 */
export const CHECKPOINT_EVERY_SECONDS = 15 * 60;

/** Tells the operators' place of every platform; without one, the log is where operators read. */
export async function tellOperators(deps: OutreachDeps, text: string): Promise<void> {
  for (const place of await operatorsPlaces(deps)) {
    await deps.db.transaction(async (tx) => {
      const thread = await threadAt(tx, place);
      await say(tx, deps.deliverer, { thread, turn: null, text, authorship: 'system' });
    });
  }
}

/**
 * The same in the transaction of what gave reason to say it; `words` are `by`'s, shown as not ours, and erased with them. False
 * where there is no such place.
 */
export async function passOnToOperators(
  tx: Tx,
  deps: OutreachDeps,
  text: string,
  words: string,
  by: PrincipalId,
): Promise<boolean> {
  const places = await operatorsPlaces(deps);
  for (const place of places) {
    const thread = await threadAt(tx, place);
    await say(tx, deps.deliverer, { thread, turn: null, text, authorship: 'system' });
    if (words === '') continue;
    const said = { thread, turn: null, text: words, authorship: 'fetched' as const };
    const id = await say(tx, deps.deliverer, said);
    await tx.query('update messages set author = $2 where id = $1', [id, by]);
  }
  return places.length > 0;
}

/** The same, unless it was told there already within so long. */
export async function remindOperators(
  tx: Tx,
  deps: OutreachDeps,
  text: string,
  everySeconds: number,
): Promise<void> {
  for (const place of await operatorsPlaces(deps)) {
    const thread = await threadAt(tx, place);
    const told = await tx.maybe(
      `select 1 from messages where thread = $1 and text = $2
         and created_at > clock_timestamp() - make_interval(secs => $3) limit 1`,
      [thread, text, everySeconds],
    );
    if (told === null) await say(tx, deps.deliverer, { thread, turn: null, text, authorship: 'system' });
  }
}

/**
 * Posts the newest signed checkpoint to the operators' place of every platform where it is due: none was posted yet, or
 * it is newer than the last one, which is old enough. `atOnce` does not wait for that age, as before a stop. Safe
 * to repeat and in several processes: what was posted is stored with the message, the place's row locked.
 */
export async function postCheckpoint(
  deps: OutreachDeps,
  options: { atOnce: boolean } = { atOnce: false },
): Promise<MessageId[]> {
  const posted: MessageId[] = [];
  for (const place of await operatorsPlaces(deps)) {
    const message = await deps.db.transaction((tx) =>
      postWhereDue(tx, deps.deliverer, place, options.atOnce),
    );
    if (message !== null) posted.push(message);
  }
  return posted;
}

async function postWhereDue(
  tx: Tx,
  deliverer: Deliverer,
  place: Place,
  atOnce: boolean,
): Promise<MessageId | null> {
  const thread = await threadAt(tx, place);
  const newest = await newestCheckpoint(tx);
  if (newest === null) return null;
  const last = await tx.maybe<{ size: number; recent: boolean }>(
    `select size, posted_at > clock_timestamp() - make_interval(secs => $2) as recent
     from posted_checkpoints where thread = $1 order by size desc limit 1`,
    [thread, CHECKPOINT_EVERY_SECONDS],
  );
  if (last !== null && (newest.size <= last.size || (last.recent && !atOnce))) return null;
  await tx.query('insert into posted_checkpoints (thread, size) values ($1, $2)', [thread, newest.size]);
  const text = checkpointInWords(newest);
  return say(tx, deliverer, { thread, turn: null, text, authorship: 'system' });
}

/** The note's exact bytes stand between the fences: that block, saved as a file, is what `audit verify` compares with. */
function checkpointInWords({ size, note }: { size: number; note: string }): string {
  return [
    `Signed checkpoint of the audit log: ${size.toLocaleString('en')} entries. It proves later that none of them was changed. To check, save the block below as a file and run: countersign audit verify --checkpoint FILE`,
    '```',
    `${note}\`\`\``,
  ].join('\n');
}

async function operatorsPlaces(deps: OutreachDeps): Promise<Place[]> {
  const places = await Promise.all(deps.surfaces().map((surface) => operatorsPlaceOf(deps, surface)));
  return places.filter((place) => place !== null);
}

async function operatorsPlaceOf(deps: OutreachDeps, surface: Surface): Promise<Place | null> {
  try {
    return await surface.operatorsPlace();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'platform_unavailable') throw error;
    deps.untold(error, surface.platform);
    return null;
  }
}

/** Whom a request is put to directly, and in which channels instead of the platforms' own. */
export type Audience = { people: readonly Principal[]; channels: Channels };
export type Channels = { slack: string | null; teams: string | null };

export type AskingDeps = OutreachDeps & {
  judging: Judging;
  titleOf(action: string): string;
  nameOf(person: PrincipalId): string;
  /** Of those who may approve it, who is asked now: nobody whose approval would fill nothing more. */
  audienceOf(request: StoredRequest, approvers: readonly Principal[]): Promise<Audience>;
};

/**
 * Puts a request's card where those are who are asked, once its requester has confirmed it. Safe to repeat: a place is
 * asked once. The web needs no message; there it stands under "waiting for you". A rewritten card calls nobody, so where
 * it stands already a few words say, once, that nobody knows the outcome or that the request was changed. A platform
 * that is down keeps nobody on another from being asked; what it threw is thrown at the end, to be tried again.
 */
export async function askApprovers(deps: AskingDeps, id: RequestId): Promise<void> {
  const request = await findRequest(deps.db, id);
  if (request === null || !(waitsForApproval(request) || request.state === 'unknown')) return;
  const audience = await deps.audienceOf(request, await deps.judging.approversOf(deps.db, request));
  const text = request.state === 'unknown' ? askedToLook(deps, request) : askedToApprove(deps, request);
  const again = request.state === 'unknown' ? text : await askedAgain(deps, request);
  const failures: unknown[] = [];
  for (const surface of deps.surfaces()) {
    try {
      for (const place of await placesAt(surface, audience)) {
        await deps.db.transaction(async (tx) => {
          if (await putCard(tx, deps.deliverer, id, place, text)) return;
          if (again === null) return;
          const thread = await threadAt(tx, place);
          if (await putAgain(tx, deps.deliverer, thread, id)) return;
          if (!(await wasSaid(tx, thread, again)))
            await say(tx, deps.deliverer, { thread, turn: null, text: again, authorship: 'system' });
        });
      }
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

function placesAt(surface: Surface, { people, channels }: Audience): Promise<Place[]> {
  return surface.approvalPlaces(people, surface.platform === 'web' ? null : channels[surface.platform]);
}

/**
 * The channels and direct messages of these people, wherever they can be reached now. May open conversations there.
 * A platform that cannot be asked is left out, and told to the caller.
 */
export async function reachablePlaces(
  surfaces: readonly Surface[],
  audience: Audience,
  unreachable: (error: unknown, platform: Surface['platform']) => void,
): Promise<Place[]> {
  const places: Place[] = [];
  for (const surface of surfaces) {
    try {
      places.push(...(await placesAt(surface, audience)));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      unreachable(error, surface.platform);
    }
  }
  return places;
}

/** Puts a request's card in a place, once; false where it stands there already, or was given up. */
export async function putCard(
  tx: Tx,
  deliverer: Deliverer,
  request: RequestId,
  place: Place,
  text: string,
): Promise<boolean> {
  const thread = await threadAt(tx, place);
  const asked = await tx.maybe('select 1 from messages where thread = $1 and request = $2 and turn is null', [
    thread,
    request,
  ]);
  if (asked) return false;
  await say(tx, deliverer, { thread, turn: null, text, authorship: 'system', request });
  return true;
}

/** The words with which somebody is asked; they stand above the card. */
export function askedToApprove(deps: Pick<AskingDeps, 'titleOf' | 'nameOf'>, request: StoredRequest): string {
  const what = summaryOf(request.preview) ?? `${deps.titleOf(request.action)}.`;
  return `${deps.nameOf(request.requester)} asks for your approval: ${what}`;
}

/** Null where nothing was changed since it was first asked about. */
async function askedAgain(deps: AskingDeps, request: StoredRequest): Promise<string | null> {
  const edited = await deps.db.maybe('select 1 from request_edits where request = $1 and digest_after = $2', [
    request.id,
    request.digest,
  ]);
  return edited === null
    ? null
    : `"${deps.titleOf(request.action)}" (${request.id.slice(0, 8)}) was changed, and is asked for anew; approvals from before do not count. Please look at the card again: its digest begins with ${request.digest.slice(0, 8)} now.`;
}

function askedToLook(deps: AskingDeps, request: StoredRequest): string {
  return `Nobody knows how "${deps.titleOf(request.action)}" of ${deps.nameOf(request.requester)} ended. Please look, then write to me: resolve ${request.id} succeeded|failed`;
}

/** The text names the request, so that it is said of this one only. */
async function wasSaid(tx: Tx, thread: string, text: string): Promise<boolean> {
  return (
    (await tx.maybe('select 1 from messages where thread = $1 and request is null and text = $2 limit 1', [
      thread,
      text,
    ])) !== null
  );
}
