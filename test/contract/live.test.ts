/** The suite's eyes: what a client would act upon is found where it is, and our own literal text is none of it. */
import { expect, test } from 'vitest';
import { liveIn as liveInSlack } from './slack-channel.ts';
import { liveIn as liveInTeams } from './teams-channel.ts';

const slack = (element: object) => ({ text: 'x', blocks: [{ type: 'rich_text', elements: [element] }] });
const teams = (change: object) => ({
  conversation: 'a:1',
  id: '1',
  text: null,
  card: null,
  summary: null,
  entities: [],
  channelData: null,
  edits: 0,
  ...change,
});

test.each([
  [slack({ type: 'broadcast', range: 'channel' })],
  [slack({ type: 'user', user_id: 'UBOB' })],
  [slack({ type: 'link', url: 'https://evil.example' })],
  [{ text: 'ping <!channel>', blocks: [] }],
  [{ text: 'x', blocks: [{ type: 'section', text: { type: 'mrkdwn', text: '<@UBOB>' } }] }],
])('in Slack %j acts', (message) => {
  expect(liveInSlack(message)).not.toEqual([]);
});

test('in Slack the same as literal text does not', () => {
  expect(liveInSlack(slack({ type: 'text', text: '<!channel> <@UBOB> https://evil.example' }))).toEqual([]);
  expect(liveInSlack({ text: 'ping &lt;!channel&gt;', blocks: [] })).toEqual([]);
});

test.each([
  [{ entities: [{ type: 'mention', mentioned: { id: '29:bob' } }] }],
  [{ text: 'see <at>Bob</at>' }],
  [{ text: '[safe](https://evil.example)' }],
  [{ card: { body: [{ type: 'TextRun', text: '{{DATE(2026-01-01)}}' }] } }],
  [
    {
      card: {
        body: [
          { type: 'TextRun', text: 'x', selectAction: { type: 'Action.OpenUrl', url: 'https://e.example' } },
        ],
      },
    },
  ],
])('in Teams %j acts', (change) => {
  expect(liveInTeams(teams(change) as never)).not.toEqual([]);
});

test('in Teams the same as a literal run does not', () => {
  const run = { type: 'TextRun', text: '<at>Bob</at> [safe](https://evil.example)' };
  expect(liveInTeams(teams({ card: { body: [run] } }) as never)).toEqual([]);
});
