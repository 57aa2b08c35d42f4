import { expect, test } from 'vitest';
import { unknownOutcome } from '../../src/execution/what-to-check.ts';

const request = {
  connector: 'github-issues',
  resource: { type: 'Ticket', id: 'acme/web', attributes: {} },
};
const governed = { connector: { title: () => 'GitHub Issues of acme/web' }, settings: {} } as never;

test('an unknown outcome says in which system to look, at what, and for which mark', () => {
  expect(unknownOutcome('sent', request, governed, 'f00d', 'https://github.example/1')).toEqual({
    code: 'unknown_outcome',
    message:
      'It was sent, and no answer says whether it happened. Please look in GitHub Issues of acme/web at Ticket "acme/web". What we write there carries the mark f00d, where the system keeps one. Say what you found.',
    link: 'https://github.example/1',
  });
});

test('where nobody serves it any more, its connector is named, and a long resource is cut', () => {
  const long = { ...request, resource: { ...request.resource, id: 'x'.repeat(500) } };
  const { message, link } = unknownOutcome('unseen', long, null, 'f00d');
  expect(message).toMatch(
    /^It was started, and for a day .* Please look in github-issues at Ticket "x{120}…"\./,
  );
  expect(link).toBeUndefined();
});

test.each([
  [
    { sentAndUsedUp: 'calls' } as const,
    /^It was sent, .* all the calls .*, so it was not looked for\. Please/,
  ],
  [{ looksUsedUp: 'ms' } as const, /^It was started, .* all the time .*, so nobody looks at it .*\. Please/],
])('what was used up is said: %o', (how, words) => {
  expect(unknownOutcome(how, request, governed, 'f00d').message).toMatch(words);
});
