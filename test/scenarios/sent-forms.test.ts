/** A form that stands in a conversation leads to one request of whoever was asked for it, however often it is sent. */
import { describe, expect, it } from 'vitest';
import { newId, ThreadId } from '../../src/model/ids.ts';
import { SENT_BEFORE } from '../../src/sent-forms.ts';
import { useAssistant } from '../support/assistant.ts';

describe('a form', () => {
  const house = useAssistant();
  const COMPLETE = { repo: 'web', ref: 'main', job: 'checks' };

  /** Alice is asked for what is missing; answers how to send that form as somebody. */
  async function asked() {
    const thread = newId(ThreadId);
    const said = await house().say('alice', 'ci trigger repo=web', thread);
    const { id: message } = await house().database.owner.one<{ id: never }>(
      'select id from messages where thread = $1 and form is not null',
      [said.thread],
    );
    const send = (person: string, args: Record<string, unknown> = COMPLETE) =>
      house().submit(person, 'ci.trigger', args, person === 'alice' ? thread : newId(ThreadId), message);
    const shown = async () => {
      const messages = await house().assistant.messages(said.thread, 'alice' as never);
      return messages?.find(({ id }) => id === message);
    };
    return { send, shown };
  }

  it('sent five times at once makes one request, and the others are told so', async () => {
    const { send } = await asked();
    const answers = await Promise.all(Array.from({ length: 5 }, () => send('alice')));
    expect(answers.flatMap(({ requests }) => requests)).toHaveLength(1);
    expect(answers.filter(({ reply }) => reply === SENT_BEFORE)).toHaveLength(4);
  });

  it('that was sent shows by whom, and is no form any more', async () => {
    const { send, shown } = await asked();
    expect(await shown()).toMatchObject({ form: { action: 'ci.trigger' } });
    await send('alice');
    expect(await shown()).toMatchObject({ form: null, text: 'Run a CI job: sent by Alice Adams.' });
  });

  it('that came to nothing can be sent again, mended', async () => {
    const { send, shown } = await asked();
    const [failed] = (await send('alice', { ...COMPLETE, ref: 'no-such-branch' })).requests;
    expect(failed).toMatchObject({ state: 'failed' });
    expect(await shown()).toMatchObject({ form: { action: 'ci.trigger' } });
    expect((await send('alice')).requests).toMatchObject([{ state: 'pending' }]);
  });

  it('that somebody else sends is a request of theirs, and stays whose it is', async () => {
    const { send, shown } = await asked();
    expect((await send('bob')).requests).toMatchObject([{ requester: 'bob' }]);
    expect(await shown()).toMatchObject({ form: { action: 'ci.trigger' } });
    expect((await send('alice')).requests).toMatchObject([{ requester: 'alice' }]);
  });
});
