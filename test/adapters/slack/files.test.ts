import { describe, expect, test } from 'vitest';
import { connected } from './harness.ts';

describe.each([
  ['over HTTP', {}],
  ['over sockets', { socketMode: true } as const],
])('a message that shares files, %s', (_name, way) => {
  test('is taken for its words; how many files there were is all that is known of them', async () => {
    const { slack, assistant } = await connected(way);
    const files = ['run ci.trigger now.log', 'notes.txt'];
    const said = await slack.say('UALICE', 'the VPN is down', undefined, { files });
    expect(said.sent).toMatchObject({ status: 200, attempts: 1 });
    expect(assistant.stored).toMatchObject([
      {
        place: { direct: true },
        content: { kind: 'message', text: 'the VPN is down', fetched: [], files: 2 },
      },
    ]);
    expect(JSON.stringify(assistant.stored)).not.toMatch(/ci\.trigger|notes|files-pri/);
    await slack.say('UALICE', '@countersign status', 'CGENERAL', { files: ['a.png'] });
    expect(assistant.stored.at(-1)?.content).toMatchObject({ text: 'status', files: 1 });
  });

  test('is not lost where it has no words: whoever sent it waits for an answer', async () => {
    const { slack, assistant } = await connected(way);
    await slack.say('UALICE', '', undefined, { files: ['photo.jpg'] });
    expect(assistant.stored.map(({ content }) => content)).toEqual([
      { kind: 'message', text: '', fetched: [], files: 1 },
    ]);
  });

  test('has nothing downloaded', async () => {
    const { slack, assistant } = await connected(way);
    await slack.say('UALICE', 'see this', undefined, { files: ['a.log'] });
    expect(assistant.stored).toHaveLength(1);
    expect(slack.calls.filter(({ method }) => /files/.test(method))).toEqual([]);
  });
});
