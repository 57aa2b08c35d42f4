import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRefName } from '../../actions/systems/git.ts';
import { checkInputs, parseJobs, runnerSettings } from '../../actions/systems/jobs.ts';

const GOOD = `jobs:
  deploy:
    title: Deploy
    repositories: [web]
    environment: production
    command: [sh, deploy]
    inputs:
      count: {type: integer, title: Count, min: 1, max: 9}
`;

describe('the jobs file', () => {
  it('of the samples is read', () => {
    const file = new URL('../../samples/jobs.yaml', import.meta.url);
    const settings = runnerSettings(parseJobs(readFileSync(file, 'utf8'), 'jobs.yaml'));
    expect(settings).toMatchObject({
      jobs: {
        checks: { environment: 'test', risk: 'medium' },
        release: { environment: 'production', risk: 'high', inputs: ['channel'] },
      },
    });
  });

  it.each([
    [
      'an unknown key',
      GOOD.replace('title: Deploy', 'title: Deploy\n    shell: true'),
      'jobs.yaml:4: jobs.deploy',
    ],
    ['an unknown environment', GOOD.replace('production', 'prod'), 'jobs.yaml:5: jobs.deploy.environment'],
    [
      'a missing command',
      GOOD.replace('    command: [sh, deploy]\n', ''),
      'jobs.yaml:3: jobs.deploy.command',
    ],
    [
      'a pattern that is none',
      GOOD.replace('integer', 'text').replace('min: 1, max: 9', 'pattern: "("'),
      'jobs.yaml:8: ',
    ],
    [
      'a key twice',
      GOOD.replace('title: Deploy', 'title: Deploy\n    title: Again'),
      'jobs.yaml:4: Map keys must be unique',
    ],
  ])('with %s does not start, and names the place', (_name, yaml, start) => {
    expect(() => parseJobs(yaml, 'jobs.yaml')).toThrow(expect.objectContaining({ code: 'config_invalid' }));
    expect(() => parseJobs(yaml, 'jobs.yaml')).toThrow(start);
  });
});

describe('inputs', () => {
  const job = parseJobs(GOOD, 'jobs.yaml').deploy!;
  it.each([
    [{ count: '3' }, true],
    [{ count: '0' }, false],
    [{ count: '10' }, false],
    [{ count: '3.5' }, false],
    [{ count: '' }, false],
    [{}, false],
    [{ count: '3', other: 'x' }, false],
  ] as [Record<string, string>, boolean][])('%j fit: %s', (given, ok) => {
    expect(checkInputs(job, given).ok).toBe(ok);
  });
});

describe('a ref name', () => {
  it.each(['main', 'feature/x', 'v1.2.3', 'a_b-c'])('%s is one', (ref) => expect(isRefName(ref)).toBe(true));
  it.each([
    '',
    '-x',
    '--upload-pack=x',
    'a..b',
    'main@{1}',
    'main^',
    'main~1',
    'a:b',
    'a b',
    '/a',
    'a/',
    'a//b',
    'a/.b',
    'x.lock',
    'HEAD:x',
    'a\nb',
  ])('%j is none', (ref) => expect(isRefName(ref)).toBe(false));
  it('is never an option or revision syntax', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        if (isRefName(text)) expect(text).toMatch(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/);
      }),
    );
  });
});
