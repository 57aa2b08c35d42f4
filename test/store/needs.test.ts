import { afterEach, expect, test, vi } from 'vitest';
import { findProgram, needs } from '../support/needs.ts';

afterEach(() => vi.unstubAllEnvs());

test('a program is looked for where PATH says', () => {
  expect(findProgram('sh')).toMatch(/\/sh$/);
  expect(findProgram('no-program-of-this-name')).toBeNull();
});

test('what is missing is left out with the reason, and is a failure with CI=true', () => {
  vi.stubEnv('PATH', '/var/empty');
  vi.stubEnv('CI', '');
  expect(needs('chromium')).toEqual({ skip: true, reason: expect.stringContaining('apt-get install') });
  vi.stubEnv('CI', 'true');
  expect(() => needs('chromium')).toThrow('Chromium');
});
