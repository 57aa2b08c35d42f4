import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { OPERATORS, useWorkplace } from './workplace.ts';

/** An action of the operator's own that nobody has reviewed: it is not served. */
const work = useWorkplace({
  isUp: false,
  yaml: { actions: { folder: 'own' } },
  prepare(folder) {
    mkdirSync(path.join(folder, 'own'));
    const template = path.join(import.meta.dirname, '../../templates/action/note.add.ts');
    copyFileSync(template, path.join(folder, 'own', 'note.add.ts'));
  },
});

const slackCheck = async () => (await work.running.checks()).find(({ name }) => name === 'slack');
const becomes = (code: string) => expect.poll(async () => (await slackCheck())?.code).toBe(code);
const news = () => work.transcript({ channel: OPERATORS }).filter((text) => text.includes('note.add'));
const said = (code: string) => work.logged.filter((line) => line.platform === 'slack' && line.code === code);

test('a token that Slack refuses stops the start, in words for the operator', async () => {
  work.slack.fail(1, 'auth.test', 'invalid_auth');
  await expect(work.start()).rejects.toMatchObject({ code: 'config_invalid' });
  await work.stop();
});

test('Slack is down at the first start: everything else works, and it is connected when it is back', async () => {
  await work.slack.stop();
  await work.start();
  expect(await slackCheck()).toEqual({
    name: 'slack',
    ok: false,
    code: 'platform_unavailable',
    decides: false,
  });
  const everythingElse = async () => (await work.running.checks()).filter(({ decides }) => decides);
  await expect.poll(async () => (await everythingElse()).filter(({ ok }) => !ok)).toEqual([]);
  await work.slack.restart();
  await becomes('ok');
  await work.shows((_, text) => text.includes('note.add'), { channel: OPERATORS });
  expect(said('platform_unavailable').filter(({ words }) => words.includes('tried again'))).toHaveLength(1);
  expect(said('platform_connected')).toHaveLength(1);
});

test('an action that is not served stops no start, and operators read of it each time', async () => {
  await work.stop();
  const before = news().length;
  await work.start();
  await work.shows((_, text) => text.includes('note.add'), { channel: OPERATORS });
  await expect.poll(() => news().length).toBe(before + 1);
});

test('what operators must know while Slack is down at a start, they read when it is back', async () => {
  await work.stop();
  await work.slack.stop();
  await work.start();
  await work.running.reload();
  await work.slack.restart();
  await work.shows((_, text) => text.includes('the policies are the same as before'), { channel: OPERATORS });
});

test('a stop while Slack is down waits for nothing', async () => {
  await work.stop();
  await work.slack.stop();
  await work.start();
  await work.stop();
  await work.slack.restart();
  await work.start();
  await becomes('ok');
  await work.expectVerifiedLog();
});
