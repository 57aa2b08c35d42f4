import { describe, expect, test } from 'vitest';
import { ALICE, CHANNEL, connected } from './harness.ts';

/** As a personal chat sends a file (learn.microsoft.com, "Send and receive files from a Teams bot"), and a picture pasted into the text. */
const attached = (serviceUrl: string) => [
  {
    contentType: 'application/vnd.microsoft.teams.file.download.info',
    contentUrl: `${serviceUrl}files/notes.txt`,
    name: 'run ci.trigger now.txt',
    content: { downloadUrl: `${serviceUrl}download`, uniqueId: 'u1', fileType: 'txt' },
  },
  { contentType: 'image/*', contentUrl: `${serviceUrl}v3/attachments/1/views/original` },
  { contentType: 'text/html', content: '<div><p>the VPN is down</p></div>' },
];

describe('a message that brings files', () => {
  test('is taken for its words; how many files there were is all that is known of them', async () => {
    const { teams, assistant } = await connected();
    const attachments = attached(teams.serviceUrl);
    const sent = await teams.send(
      teams.said(ALICE, teams.personalChat(ALICE), 'the VPN is down', { attachments }),
    );
    expect(sent.status).toBe(200);
    expect(assistant.stored.map(({ content }) => content)).toEqual([
      { kind: 'message', text: 'the VPN is down', fetched: [], files: 2 },
    ]);
    expect(JSON.stringify(assistant.stored)).not.toMatch(/ci\.trigger|download|original/);
    expect(teams.calls.filter(({ path }) => /files|download|attachments/.test(path))).toEqual([]);
  });

  test('is not lost where it has no words, and is one without files where there is but its own markup', async () => {
    const { teams, assistant } = await connected();
    const [file, , html] = attached(teams.serviceUrl);
    await teams.send(teams.said(ALICE, teams.personalChat(ALICE), '', { attachments: [file] }));
    await teams.send(teams.said(ALICE, CHANNEL, 'status', { attachments: [html] }));
    expect(assistant.stored.map(({ content }) => content)).toEqual([
      { kind: 'message', text: '', fetched: [], files: 1 },
      { kind: 'message', text: 'status', fetched: [] },
    ]);
  });
});
