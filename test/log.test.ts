import { expect, test } from 'vitest';
import { AppError } from '../src/errors.ts';
import { createLog, errorFields } from '../src/log.ts';

function logging(level = 'info') {
  const lines: Record<string, unknown>[] = [];
  const log = createLog(level, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { log, lines };
}
/** Looks like the real thing to a scanner, so it is put together here. */
const SECRET = ['gh', 'p_', 'a1B2c3D4e5F6g7H8i9J0', 'k1L2m3N4o5P6q7R8'].join('');

test('what nobody listed is left out, whatever it is called', () => {
  const { log, lines } = logging();
  log.info({ turn: 't', password: 'x', body: { text: 'y' }, token: 'z' }, 'words');
  expect(lines).toEqual([{ level: 30, time: expect.any(String), turn: 't', msg: 'words' }]);
});

test('a listed field that is no plain value is left out', () => {
  const { log, lines } = logging();
  log.info({ code: { nested: 'x' }, count: 3, status: null, path: ['a'] }, 'words');
  expect(lines[0]).not.toHaveProperty('path');
  expect(lines[0]).toMatchObject({ count: 3, status: null });
  expect(JSON.stringify(lines)).not.toContain('nested');
});

test('a credential in the words of an error is masked, also in a cause', () => {
  const { log, lines } = logging();
  const cause = new Error(`401 for ${SECRET}`);
  const error = new AppError('upstream_failed', 'No.', { cause });
  log.error(errorFields(error), 'failed');
  log.error({ name: error }, 'failed');
  log.warn({ detail: `threw ${SECRET}` }, 'failed');
  expect(JSON.stringify(lines)).not.toContain(SECRET);
  expect(lines[0]).toMatchObject({ code: 'upstream_failed', error: 'No.' });
  expect(lines[0]?.stack).toContain('caused by Error: 401 for [masked: github token]');
  expect(lines[2]?.detail).toBe('threw [masked: github token]');
});

test('causes that go round in a circle come to an end', () => {
  const one = new Error('one');
  const two = new Error('two', { cause: one });
  one.cause = two;
  expect(String(errorFields(one).stack).split('caused by')).toHaveLength(5);
});

test('what was thrown and is no error is said as it is', () => {
  expect(errorFields('words')).toEqual({ error: 'words' });
  expect(errorFields(new TypeError('x')).code).toBe('defect');
});

test('below its level nothing is written', () => {
  const { log, lines } = logging('warn');
  log.info({}, 'no');
  log.warn({}, 'yes');
  expect(lines.map((line) => line.msg)).toEqual(['yes']);
});
