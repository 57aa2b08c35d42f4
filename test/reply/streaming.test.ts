import { describe, expect, test, vi } from 'vitest';
import { settleTurn } from '../../src/intake/turns.ts';
import type { Delivered, Message } from '../../src/model/card.ts';
import { MessageId, newId } from '../../src/model/ids.ts';
import type { Streaming, Surface } from '../../src/model/ports.ts';
import type { Place } from '../../src/model/turn.ts';
import { createDelivery } from '../../src/reply/deliver.ts';
import { CHANGE_CHANNEL, say } from '../../src/reply/messages.ts';
import { begunFor, completeBegun, openLive } from '../../src/reply/streaming.ts';
import { storeRequest } from '../support/core.ts';
import { useDatabase } from '../support/database.ts';

const database = useDatabase();
const deliverer = { deliver: async () => undefined };
/** For what another connection tells us: it takes a moment, and a busy machine many. */
const PATIENCE = { timeout: 60_000 };
const HANDLE: Delivered = { platform: 'slack', container: 'D1', message: '17.1@17.0' };

/** A platform that remembers what it was asked to show. */
function platform(options: { failsToComplete?: number } = {}) {
  const shown: string[] = [];
  const noted: boolean[] = [];
  let failing = options.failsToComplete ?? 0;
  const streaming: Streaming = {
    begin: (_place, note) => {
      let begun: Promise<void> | null = null;
      return {
        did: () => undefined,
        show: (text) => {
          begun ??= note(HANDLE).then((yes) => void noted.push(yes));
          shown.push(text);
        },
        close: async () => {
          await begun;
        },
      };
    },
    complete: async (_place, begun, message) => {
      if (failing-- > 0) throw new Error('a crash between');
      shown.push(`completed ${begun.message}: ${message.text}`);
      return begun;
    },
  };
  const surface: Surface = {
    platform: 'slack',
    streaming,
    post: async (_place, message) => {
      shown.push(`posted: ${message.text}`);
      return { platform: 'slack', container: 'D1', message: '18.0' };
    },
    update: async () => undefined,
    threadOf: () => '',
    approvalPlaces: async () => [],
    operatorsPlace: async () => null,
  };
  return { surface, shown, noted };
}

async function aTurn() {
  const { turn, thread } = await storeRequest(database.db);
  await database.owner.query(`update threads set platform = 'slack', container = 'D1' where id = $1`, [
    thread,
  ]);
  const place: Place = { platform: 'slack', tenant: 'T', container: 'D1', thread, direct: true };
  const settle = (text: string) =>
    database.db.transaction(async (tx) => {
      const id = await say(tx, deliverer, { thread, turn, text, authorship: 'model' });
      expect(await settleTurn(tx, turn, text)).toBe(true);
      await completeBegun(tx, turn, id);
      return id;
    });
  return { id: turn, thread, place, settle };
}

const delivery = (surface: Surface) =>
  createDelivery({
    db: database.db,
    surface: () => surface,
    render: async (stored) =>
      ({
        id: stored.id,
        thread: stored.thread,
        author: null,
        authorship: stored.authorship,
        text: stored.text,
        card: null,
        form: null,
        at: '',
      }) satisfies Message,
    putOff: async () => undefined,
    heard: () => undefined,
    gaveUp: () => undefined,
    leaseFailed: () => undefined,
    deliver: async () => undefined,
    instead: async () => async () => undefined,
  });

describe('an answer that is shown while it is written', () => {
  test('is completed by the stored message, once, and its note goes', async () => {
    const { surface, shown } = platform();
    const turn = await aTurn();
    const live = await openLive({ db: database.db, surface: () => surface }, turn);
    live?.show('The gateway');
    await live?.close();
    const message = await turn.settle('The gateway is up.');
    const deliver = delivery(surface);
    await deliver({ message });
    await deliver({ message });
    expect(shown).toEqual(['The gateway', 'completed 17.1@17.0: The gateway is up.']);
    expect(await begunFor(database.db, message)).toBeNull();
  });

  test('is completed by whoever comes next when completing it fails', async () => {
    const { surface, shown } = platform({ failsToComplete: 1 });
    const turn = await aTurn();
    const live = await openLive({ db: database.db, surface: () => surface }, turn);
    live?.show('The gateway');
    await live?.close();
    const message = await turn.settle('The gateway is up.');
    await expect(delivery(surface)({ message })).rejects.toThrow('a crash between');
    await delivery(surface)({ message });
    expect(shown).toEqual(['The gateway', 'completed 17.1@17.0: The gateway is up.']);
  });

  test('is not begun a second time when its turn is tried again', async () => {
    const { surface } = platform();
    const turn = await aTurn();
    const deps = { db: database.db, surface: () => surface };
    const live = await openLive(deps, turn);
    live?.show('The gateway');
    await live?.close();
    expect(await openLive(deps, turn)).toBeNull();
  });

  test('is not shown once its turn is settled: nobody would complete it', async () => {
    const { surface, noted } = platform();
    const turn = await aTurn();
    const live = await openLive({ db: database.db, surface: () => surface }, turn);
    await turn.settle('Stopped, as you asked.');
    live?.show('The gateway');
    await live?.close();
    expect(noted).toEqual([false]);
  });

  test('grows no more once it was none', async () => {
    const { surface, shown } = platform();
    const turn = await aTurn();
    const live = await openLive({ db: database.db, surface: () => surface }, turn);
    live?.show('I will look');
    live?.show(null);
    live?.show('Something else');
    await live?.close();
    expect(shown).toEqual(['I will look']);
  });

  test('that was never begun is posted', async () => {
    const { surface, shown } = platform();
    const turn = await aTurn();
    await delivery(surface)({ message: await turn.settle('Whole.') });
    expect(shown).toEqual(['posted: Whole.']);
    await expect(delivery(surface)({ message: newId(MessageId) })).resolves.toBeUndefined();
  });
});

describe('in the workspace', () => {
  test('its thread hears the newest text, and nothing that is too long to be carried', async () => {
    const { id, thread, place } = await aTurn();
    const heard: { kind: string; thread: string; text: string }[] = [];
    const stop = await database.db.listen(CHANGE_CHANNEL, (payload) => heard.push(JSON.parse(payload)));
    const live = await openLive(
      { db: database.db, surface: () => null },
      { id, thread, place: { ...place, platform: 'web' } },
    );
    live?.show('The gateway');
    live?.show('x'.repeat(9_000));
    await live?.close();
    await vi.waitFor(
      () => expect(heard).toEqual([{ kind: 'growing', thread, text: 'The gateway' }]),
      PATIENCE,
    );
    live?.show('The gateway is up');
    live?.show(null);
    await vi.waitFor(() => expect(heard.at(-1)?.text).toBe(''), PATIENCE);
    expect(await database.db.query('select 1 from begun_answers where turn = $1', [id])).toEqual([]);
    await stop();
  });
});
