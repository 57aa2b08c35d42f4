import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Quotable, wordsOfMessage } from '../../../adapters/slack/quoted-words.ts';

const read = (message: Partial<Quotable>): string[] =>
  wordsOfMessage({ text: '', isByApp: true, attachments: [], blocks: [], ...message });
const mrkdwn = (text: string) => ({ type: 'mrkdwn', text });
const plain = (text: string) => ({ type: 'plain_text', text });

describe('what an alert says', () => {
  test('is its title, author, text and fields, and the fallback only where there is nothing else', () => {
    const fallback = '[no preview available]';
    const fields = [{ title: 'Value', value: '99%' }];
    const alert = { title: 'CPU high on web-3', author_name: 'Grafana', fields, fallback };
    expect(read({ attachments: [alert, { fallback: 'a chart' }] })).toEqual([
      'Grafana\nCPU high on web-3\nValue: 99%',
      'a chart',
    ]);
  });

  test('is what stands in its blocks, those of an attachment too', () => {
    const blocks = [
      { type: 'header', text: plain('Disk <full>') },
      { type: 'section', text: mrkdwn('*db-1* has 2 % left, see <https://x.example|runbook>') },
      { type: 'section', fields: [mrkdwn('Host'), plain('db-1')] },
      {
        type: 'context',
        elements: [{ type: 'image', image_url: 'x', alt_text: 'logo' }, mrkdwn('since 9:00')],
      },
      { type: 'image', title: plain('Usage'), alt_text: 'a chart of the disk' },
      { type: 'divider' },
      { type: 'actions', elements: [{ type: 'button', text: plain('Ack') }] },
    ];
    const words =
      'Disk <full>\n*db-1* has 2 % left, see runbook (https://x.example)\nHost\ndb-1\nsince 9:00\nUsage\na chart of the disk';
    expect(read({ blocks })).toEqual([words]);
    expect(read({ attachments: [{ color: '#f00', blocks }] })).toEqual([words]);
  });

  test('is said once, where its text says it already', () => {
    const blocks = [
      { type: 'section', text: mrkdwn('Disk full on db-1') },
      { type: 'section', text: mrkdwn('2 % left') },
    ];
    expect(read({ text: 'Alert: Disk full on db-1', blocks })).toEqual([
      'Alert: Disk full on db-1\n2 % left',
    ]);
  });
});

describe('rich text', () => {
  const section = (...elements: unknown[]) => ({ type: 'rich_text_section', elements });
  const item = (text: string) => section({ type: 'text', text });
  const blocks = [
    {
      type: 'rich_text',
      elements: [
        section(
          { type: 'text', text: 'Ask ' },
          { type: 'user', user_id: 'UBOB' },
          { type: 'text', text: ' in ' },
          { type: 'channel', channel_id: 'C1' },
          { type: 'emoji', name: 'eyes' },
          { type: 'link', url: 'https://x.example', text: 'here' },
        ),
        { type: 'rich_text_list', elements: [item('one'), item('two')] },
        { type: 'rich_text_preformatted', elements: [{ type: 'text', text: 'ls\n-l' }] },
      ],
    },
  ];
  const words = 'Ask @UBOB in #C1:eyes:here (https://x.example)\none\ntwo\nls\n-l';

  test('of an app is read as people see it, beside its text', () => {
    expect(read({ blocks })).toEqual([words]);
    expect(read({ text: 'A summary', blocks })).toEqual([`A summary\n${words}`]);
  });

  test('of people stands in their text, and is read where there is none', () => {
    expect(read({ text: '*bold*', blocks, isByApp: false })).toEqual(['*bold*']);
    expect(read({ blocks, isByApp: false })).toEqual([words]);
  });
});

test('whatever shape something has, nothing is thrown', () => {
  const shapes = fc.anything({ maxDepth: 4 });
  const types = fc.constantFrom(
    'section',
    'header',
    'context',
    'image',
    'markdown',
    'rich_text',
    'text',
    'link',
  );
  const odd = fc.oneof(
    shapes,
    fc.record({ type: types, text: shapes, elements: fc.array(shapes), fields: shapes }),
  );
  fc.assert(
    fc.property(fc.array(odd), fc.array(odd), (blocks, attachments) => {
      for (const words of read({ blocks, attachments })) expect(words.trim()).not.toBe('');
    }),
  );
  let deep: unknown = { type: 'text', text: 'deep' };
  for (let depth = 0; depth < 10_000; depth += 1) deep = { type: 'rich_text', elements: [deep] };
  expect(read({ blocks: [deep] })).toEqual([]);
});
