import { afterAll, describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/commands/table.ts';
import { countersign, makePlace, said } from './cli.ts';

const place = makePlace();
afterAll(() => place.remove());
const run = (...args: string[]) => countersign(place.data, args);

/** `countersign COMMAND` as the contract has it. */
const PROMISED = [
  ...['doctor', 'migrate', 'audit verify', 'audit export', 'audit checkpoint', 'audit key', 'evidence'],
  ...['evidence verify', 'policy check', 'policy test', 'policy explain', 'policy matrix'],
  ...[
    'kill on',
    'kill off',
    'kill status',
    'links list',
    'links remove',
    'screen',
    'privacy export',
    'privacy erase',
    'reset',
  ],
  ...['action new', 'action review', 'mcp review'],
];

describe('usage', () => {
  it('has exactly the promised commands, each with a module that loads', async () => {
    expect(Object.keys(COMMANDS).sort()).toEqual([...PROMISED].sort());
    for (const entry of Object.values(COMMANDS)) expect(await entry.load()).toBeTypeOf('function');
  });

  it('names every command on help, on stdout', async () => {
    const { exit, stdout, stderr } = await run('help');
    expect(exit).toBe(0);
    for (const { usage } of Object.values(COMMANDS)) expect(stdout).toContain(`  ${usage}\n`);
    expect(stderr).toBe('');
  });

  it('explains one family, wherever help is asked for', async () => {
    for (const args of [
      ['help', 'kill'],
      ['kill', '--help'],
      ['kill', 'on', '--help'],
    ]) {
      const { exit, stdout } = await said(args);
      expect(exit).toBe(0);
      expect(stdout).toContain('kill on [--action A]');
      expect(stdout).not.toContain('audit');
    }
  });

  it.each([
    [[], 'Which command?'],
    [['unknown'], 'There is no command "unknown".'],
    [['audit'], 'Say which one: audit verify'],
    [['audit', 'forge'], 'Say which one: audit verify'],
    [['audit', 'verify', '--fast'], "Unknown option '--fast'"],
    [['audit', 'verify', 'twice'], '"twice" is one word too many'],
    [['audit', 'verify', '--checkpoint', '/nowhere'], '/nowhere cannot be read: it does not exist.'],
    [['audit', 'verify', '--file', 'a', '--file', 'b'], '--file is given more than once'],
    [['audit', 'export', '--since', 'yesterday'], '--since is a time like'],
    [['evidence'], 'Something is missing'],
    [['evidence', '12345678'], 'its whole id'],
    [['evidence', 'verify', '/nowhere'], '/nowhere cannot be read'],
    [['policy', 'explain'], 'explain --principal P --action A'],
    [['kill', 'on'], 'Say why'],
    [['kill', 'on', '--reason', ' '], '--reason is empty'],
    [['kill', 'on', '--action', 'ci.triger', '--reason', 'x'], 'There is no action "ci.triger"'],
    [['kill', 'on', '--connector', 'nope', '--reason', 'x'], 'There is no connector "nope"'],
    [['kill', 'on', '--principal', 'zed', '--reason', 'x'], 'There is nobody "zed"'],
    [['kill', 'status', '--reason', 'x'], "Unknown option '--reason'"],
    [['privacy', 'export', 'Not An Id'], "a person's id"],
    [['privacy', 'erase'], 'Something is missing'],
  ])('answers %j with words on stderr and exit 2', async (args, words) => {
    const { exit, stdout, stderr } = await said(args);
    expect(stderr).toContain(words);
    expect(stdout).toBe('');
    expect(exit).toBe(2);
  });

  it('gives a failure as JSON where JSON is asked for', async () => {
    for (const args of [
      ['--json', 'unknown'],
      ['unknown', '--json'],
    ]) {
      const { exit, stdout, stderr } = await run(...args);
      expect(JSON.parse(stderr)).toEqual({
        error: { code: 'usage', message: 'There is no command "unknown".' },
      });
      expect([exit, stdout]).toEqual([2, '']);
    }
  });

  it('shows a stack with LOG_LEVEL=debug only', async () => {
    const quiet = await said(['evidence', 'x']);
    const loud = await said(['evidence', 'x'], { LOG_LEVEL: 'debug' });
    expect(quiet.stderr).not.toContain('    at ');
    expect(loud.stderr).toContain('    at ');
  });

  it('names the variable of a wrong configuration, never its value', async () => {
    const { exit, stderr } = await countersign(place.data, ['kill', 'status'], {
      env: { PORT: 'sesame' },
    });
    expect(exit).toBe(2);
    expect(stderr).toContain('PORT must be');
    expect(stderr).not.toContain('sesame');
  });
});

describe('screen', () => {
  const secret = ['AKIA', 'IOSFODNN7EXAMPLQ'].join('');
  it('answers each line with what it found and the text without it', async () => {
    const text = `key ${secret} end`;
    const input = `${JSON.stringify({ id: 7, text })}\n\n${JSON.stringify({ id: 'b', text: 'hello' })}`;
    const { exit, stdout, stderr } = await countersign(place.data, ['screen'], { input });
    const [found, clean] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(exit).toBe(0);
    expect(found).toMatchObject({ id: 7, injection: 0, flagged: false, pii: [] });
    expect(found.secrets).toEqual([{ type: expect.any(String), start: 4, end: 4 + secret.length }]);
    expect(found.redacted).toMatch(/^key \[masked: .+\] end$/);
    expect(clean).toEqual({ id: 'b', injection: 0, flagged: false, secrets: [], pii: [], redacted: 'hello' });
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain('secrets only');
  });

  it('needs no configuration that can be read', async () => {
    const input = '{"id": 1, "text": "x"}\n';
    const { exit } = await countersign(place.data, ['screen'], { input, env: { PORT: 'x' } });
    expect(exit).toBe(0);
  });

  it('names the line that is none of ours', async () => {
    const { exit, stderr } = await countersign(place.data, ['screen'], {
      input: `{"id": 1, "text": "x"}\n{"id": 2}\n`,
    });
    expect(exit).toBe(2);
    expect(stderr).toContain('Line 2 is not');
  });
});

describe('policy', () => {
  it('checks the shipped policies and prints the digest', async () => {
    const { exit, stdout } = await run('policy', 'check', '--json');
    expect(exit).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      valid: true,
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('runs the tests of the policies', async () => {
    const { exit, stdout } = await run('policy', 'test');
    expect(stdout).toMatch(/\d+ passed, 0 failed, 0 policies without a test/);
    expect(exit).toBe(0);
  });

  const explain = (principal: string, args: string) =>
    run('policy', 'explain', '--principal', principal, '--action', 'ci.trigger', '--args', args, '--json');
  const job = (name: string) => JSON.stringify({ repo: 'web', ref: 'main', job: name });

  it('explains a permission with the environment that the job really has', async () => {
    const checks = JSON.parse((await explain('alice', job('checks'))).stdout);
    const release = JSON.parse((await explain('alice', job('release'))).stdout);
    expect(checks[0].decision).toMatchObject({ allowed: true, policies: ['engineers-trigger-ci'] });
    expect(release[0].decision.obligations.approvals).toEqual([{ group: 'oncall', quorum: 2 }]);
  });

  it('ends with 1 for somebody who may not, and 2 for arguments that do not fit', async () => {
    expect((await explain('dave', job('checks'))).exit).toBe(1);
    const { exit, stderr } = await explain('alice', '{"repo": "web"}');
    expect(exit).toBe(2);
    expect(stderr).toContain('--args: ref');
  });

  it('lists everybody against everything', async () => {
    const rows = JSON.parse((await run('policy', 'matrix', '--json')).stdout) as { principal: string }[];
    expect(new Set(rows.map((row) => row.principal))).toEqual(
      new Set(['alice', 'bob', 'carol', 'dave', 'erin']),
    );
  });
});
