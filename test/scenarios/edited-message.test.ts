import { describe, expect, it } from 'vitest';
import { newId, ThreadId } from '../../src/model/ids.ts';
import type { Delivery } from '../../src/model/turn.ts';
import { fresh, useAssistant } from '../support/assistant.ts';

const STANDS = /^You edited a message .* stands as it was first written; the new wording changes nothing\./;

describe('a message that is edited after it was taken in', () => {
  const house = useAssistant();
  const edited = async (key: string) => {
    const stored = await house().assistant.edited('web', key);
    return stored && { ...stored, ...(await house().assistant.outcome(stored.turn, 20_000)) };
  };

  it('is answered once, however often it is edited, and asks for nothing again', async () => {
    const { say, assistant, tickets } = house();
    const key = fresh();
    const said = await say('dave', 'ticket create title="The lamp flickers"', newId(ThreadId), key);
    const before = await tickets();
    const first = await edited(key);
    expect(first).toMatchObject({ thread: said.thread, duplicate: false, requests: [] });
    expect(first!.reply).toMatch(STANDS);
    expect(first!.reply).toMatch(/Please send the new wording as a new message\.$/);
    expect(await assistant.edited('web', key)).toMatchObject({ turn: first!.turn, duplicate: true });
    expect(await tickets()).toEqual(before);
  });

  it('is not answered where it was not taken in, on that platform or at all, nor where it was a press', async () => {
    const { say, assistant, deliver } = house();
    const key = fresh();
    await say('dave', 'whoami', newId(ThreadId), key);
    expect(await assistant.edited('slack', key)).toBeNull();
    expect(await assistant.edited('web', fresh())).toBeNull();
    const pressed = fresh();
    await deliver('dave', { kind: 'arrival' }, newId(ThreadId), pressed);
    expect(await assistant.edited('web', pressed)).toBeNull();
  });

  it('names Edit where its request waits for a decision, and only then', async () => {
    const { say, done, view } = house();
    const key = fresh();
    const { requests } = await say('alice', 'run the checks of web on main', newId(ThreadId), key);
    expect((await edited(key))!.reply).toMatch(/Press Edit on the card that waits, or send the new wording/);
    await done('alice', await view(requests[0]!.id), 'cancel');
    const other = fresh();
    const again = await say('alice', 'run the checks of web on main', newId(ThreadId), other);
    await done('alice', again.requests[0]!, 'cancel');
    expect((await edited(other))!.reply).not.toContain('Press Edit');
  });

  it('leaves standing what is being asked for in its conversation', async () => {
    const { say } = house();
    const thread = newId(ThreadId);
    const key = fresh();
    expect((await say('dave', 'ticket create', thread, key)).requests).toEqual([]);
    expect((await edited(key))!.reply).toMatch(STANDS);
    const answered = await say('dave', 'The blinds are stuck', thread);
    expect(answered.requests).toMatchObject([{ action: 'ticket.create' }]);
  });

  it('of somebody who is not known is answered as they are', async () => {
    const { assistant } = house();
    const key = fresh();
    const delivery: Delivery = {
      key,
      account: { platform: 'slack', enterprise: null, team: 'T0ACME', user: 'UNOBODY' },
      place: { platform: 'slack', tenant: 'T0ACME', container: 'C1', thread: '1.1', direct: false },
      content: { kind: 'message', text: 'let me in', fetched: [] },
    };
    await assistant.receive(delivery);
    const stored = (await assistant.edited('slack', key))!;
    const { reply } = await assistant.outcome(stored.turn, 20_000);
    expect(reply).toMatch(/^I do not know you/);
  });

  it('says among several people whom it means, to them alone, and that a new message must mention it', async () => {
    const { database, assistant, say } = house();
    const key = fresh();
    const { thread } = await say('dave', 'whoami', newId(ThreadId), key);
    await database.owner.query('update threads set direct = false where id = $1', [thread]);
    const { turn, reply } = (await edited(key))!;
    expect(reply).toMatch(/^Dave Davis: You edited .* as a new message that mentions me\.$/);
    const kept = await database.db.one<{ forAsker: boolean }>(
      'select for_asker as "forAsker" from messages where turn = $1',
      [turn],
    );
    expect(kept.forAsker).toBe(true);
    expect(await assistant.messages(thread, 'dave' as never)).toHaveLength(3);
  });
});
