/** Better everybody than nobody, for as long as a request waits: whoever is asked may hand it over, lose the right or be let off. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compose } from '../../src/compose.ts';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import type { PrincipalId } from '../../src/model/ids.ts';
import type { RequestView } from '../../src/model/request.ts';
import { settles, startAssistant, type TestAssistant, useAssistant } from '../support/assistant.ts';
import { storeRequest } from '../support/core.ts';
import { useDatabase } from '../support/database.ts';
import {
  allowAWeek,
  DEFAULT_CHANNEL,
  hoursPass,
  passToNextStep,
  plannedStep,
  recordingSurface,
} from './reach-support.ts';

/** `frank` and `gina` are on call too; the schedule names some of the four. */
const moreOnCall = (text: string): string =>
  `${text}  - id: frank
    name: Frank Fox
    groups: [employees, engineers, oncall]
  - id: gina
    name: Gina Gray
    groups: [employees, engineers, oncall]
`;
const leavesOnCall = (id: string) => (text: string) =>
  text.replace(new RegExp(`(- id: ${id}\\n.*\\n.*), oncall\\]`), (_, before: string) => `${before}]`);
const schedule = (people: string): string => `
on_call:
  schedules:
    platform: { rotation: { people: [${people}], starts: 2020-01-01T00:00:00Z, every: 9999d }, overrides: [{ people: [${people}], from: 2020-01-01T00:00:00Z, until: 2120-01-01T00:00:00Z }] }
`;
const ROUTE = `
routes:
  - action: ci.trigger
    schedule: platform
    remind_after: 4h
`;

/** An operator must look too; erin is the only one. */
const WITH_OPERATORS = `@approval("operators")
permit (principal in Group::"engineers", action == Action::"ci.trigger", resource);

@id("engineers-trigger-ci-with-oncall")
@description("And somebody on call.")
@approval("oncall")`;
const OPERATORS_APPROVE = `
@id("operators-approve-ci")
@description("Operators may approve CI.")
permit (principal in Group::"operators", action == Action::"approve", resource)
when { resource.action == "ci.trigger" };
`;

const asked = (house: TestAssistant, request: { id: string }) =>
  house.database.owner
    .query<{ person: string }>(
      'select person from reached where request = $1 and not handed_over order by person',
      [request.id],
    )
    .then((rows) => rows.map((row) => row.person));
const named = (house: TestAssistant, request: { id: string }, ...people: string[]) =>
  settles(async () => (await asked(house, request)).join() === people.join(), `${people.join()} are asked`);
const hands = async (house: TestAssistant, request: RequestView, from: string, to: string) =>
  (await house.say(from, `delegate ${request.id.slice(0, 8)} to ${to}`)).reply;
const escalations = async (house: TestAssistant, request: RequestView) =>
  (await house.entries(request))
    .filter((entry) => entry.type === 'approval.escalated')
    .map(({ data }) => ({ because: data?.because, to: data?.to }));

describe('a request that needs two approvals', () => {
  const house = useAssistant({
    extra: `${ROUTE}${schedule('bob, carol, frank')}`,
    prepare: (home) => home.edit('people.yaml', moreOnCall),
  });

  it('is handed over only as far as two of those who are asked are left', async () => {
    const { ask, done, until } = house();
    const request = await ask('alice', 'ci trigger repo=web ref=main job=release');
    await named(house(), request, 'bob', 'carol', 'frank');
    expect(await hands(house(), request, 'bob', 'carol')).toMatch(/Carol Clark is asked already/);
    expect(await asked(house(), request)).toEqual(['bob', 'carol', 'frank']);

    expect(await hands(house(), request, 'bob', 'gina')).toMatch(/Gina Gray is asked now/);
    await done('carol', request, 'approve');
    expect(await hands(house(), request, 'frank', 'bob')).toMatch(/Bob Brown is asked now/);
    expect(await asked(house(), request)).toEqual(['bob', 'carol', 'gina']);
    await done('gina', request, 'approve');
    await until(request, 'succeeded');
  });
});

describe('a request that needs an approval of each of two groups', () => {
  const database = useDatabase();
  const chat = recordingSurface();
  let house: TestAssistant;
  beforeAll(async () => {
    house = await startAssistant(database, {
      extra: `${ROUTE}${schedule('bob, erin, carol')}`,
      prepare: (home) => {
        home.edit('policies/ci.cedar', (text) => text.replace('@approval("oncall")', WITH_OPERATORS));
        home.edit('policies/approval.cedar', (text) => `${text}${OPERATORS_APPROVE}`);
      },
    });
    house.running.addSurface(chat.surface);
  });
  afterAll(async () => {
    await house.running.stop();
    house.home.remove();
  });
  const checks = async () => {
    const request = await house.ask('alice', 'ci trigger repo=web ref=main job=checks');
    await chat.until(() => chat.cards(request.id).length === 4, 'three are asked, and the channel');
    return request;
  };
  const waitsFor = async (person: string) =>
    (await house.assistant.waitingFor(person as PrincipalId)).map(({ card }) => card?.request);
  const buttonsOf = async (person: string, request: RequestView) =>
    (await house.assistant.requestPage(request.id, person as PrincipalId))?.message.card?.buttons;

  it('keeps whoever hands it over to somebody who cannot stand in for them', async () => {
    chat.state.strangers = ['carol'];
    const request = await house.ask('alice', 'ci trigger repo=web ref=main job=checks');
    await named(house, request, 'bob', 'erin');
    // Carol is on call, as bob is; and nobody can write to her.
    expect(await hands(house, request, 'erin', 'carol')).toMatch(/Carol Clark is asked too\. You stay asked/);
    await named(house, request, 'bob', 'carol', 'erin');
    chat.state.strangers = [];
    await house.done('bob', request, 'approve');
    expect(await hands(house, request, 'erin', 'bob')).toMatch(/Bob Brown has approved this already/);
    await house.done('erin', request, 'deny');
  });

  it('shows what waits for somebody behind however many that only others can decide', async () => {
    const own = Array.from({ length: 101 }, () =>
      storeRequest(database.db, { requester: 'bob' as PrincipalId, confirmedAt: new Date() }),
    );
    const ids = (await Promise.all(own)).map(({ id }) => id);
    const request = await house.ask('alice', 'ci trigger repo=web ref=main job=checks');
    expect(await waitsFor('bob')).toEqual([request.id]);
    await house.done('erin', request, 'deny');
    await database.owner.query(`update requests set state = 'cancelled' where id = any($1)`, [ids]);
  });

  it('keeps whoever hands it over where nobody can write to the other', async () => {
    chat.state.strangers = ['carol'];
    const request = await house.ask('alice', 'ci trigger repo=web ref=main job=checks');
    await named(house, request, 'bob', 'erin');
    expect(await hands(house, request, 'bob', 'carol')).toMatch(/Carol Clark is asked too\. You stay asked/);
    await named(house, request, 'bob', 'carol', 'erin');
    chat.state.strangers = [];
    await house.done('erin', request, 'deny');
  });

  it('leaves those in peace whose group has approved: they could still deny', async () => {
    const request = await checks();
    expect(await waitsFor('carol')).toContain(request.id);
    await house.done('bob', request, 'approve');
    expect(await buttonsOf('erin', request)).toEqual(['approve', 'deny']);
    expect(await buttonsOf('carol', request)).toEqual(['deny']);
    expect(await waitsFor('erin')).toContain(request.id);
    expect(await waitsFor('carol')).not.toContain(request.id);
    expect(await hands(house, request, 'erin', 'carol')).toMatch(/Carol Clark would add nothing/);

    await passToNextStep(database.owner, request);
    const reminded = () =>
      chat
        .said(request.id)
        .filter((it) => it.text.startsWith('Reminder'))
        .map((it) => it.place);
    await chat.until(() => reminded().length === 2, 'the reminder');
    expect(reminded()).toEqual([DEFAULT_CHANNEL, 'D-erin']);
    await house.done('carol', request, 'deny');
  });
});

describe('while a request waits', () => {
  const database = useDatabase();
  const chat = recordingSurface();
  let house: TestAssistant;
  beforeAll(async () => {
    house = await startAssistant(database, {
      extra: `${ROUTE}${schedule('bob')}`,
      prepare: (home) => home.edit('people.yaml', moreOnCall),
    });
    house.running.addSurface(chat.surface);
    await allowAWeek(house);
  });
  afterAll(async () => {
    await house.running.stop();
    house.home.remove();
  });
  const checks = async () => {
    const request = await house.ask('alice', 'ci trigger repo=web ref=main job=checks');
    await shows(request, 'D-bob');
    return request;
  };
  const shows = (request: RequestView, ...people: string[]) =>
    chat.until(
      () => chat.cards(request.id).join() === [DEFAULT_CHANNEL, ...people].join(),
      `cards for ${people.join()}`,
    );
  const why = (request: RequestView) =>
    chat
      .said(request.id)
      .filter((it) => it.place === 'D-bob')
      .map((it) => it.text.replace(/ Now .*/, ''));
  const startsAgain = async (change: (text: string) => string) => {
    await house.running.stop();
    house.home.edit('countersign.yaml', change);
    const config = readConfig(house.home.environment(database), house.home.folder);
    house.running = await compose(config, createLog('fatal'), () => null, { strongest: 'kernel-lite' });
    house.running.addSurface(chat.surface);
    await house.running.start();
  };

  it('everybody is asked once the only one who is asked may not approve any more, without waiting for a reminder', async () => {
    const request = await checks();
    expect(await hands(house, request, 'bob', 'gina')).toMatch(/Gina Gray is asked now/);
    await shows(request, 'D-bob', 'D-gina');
    house.home.edit('people.yaml', leavesOnCall('gina'));
    await house.running.reload();
    await shows(request, 'D-bob', 'D-carol', 'D-frank', 'D-gina');
    expect(await escalations(house, request)).toEqual([
      { because: 'too_few', to: ['bob', 'carol', 'frank'] },
    ]);
    // A second look finds nothing to do.
    await house.running.reload();
    expect(await escalations(house, request)).toHaveLength(1);
    await house.done('carol', request, 'deny');
  });

  it('the next step sees it too, where no file has changed', async () => {
    const request = await checks();
    // Dave had the right when he was asked: a rule may hang on the hour.
    await database.owner.query(`update reached set person = 'dave' where request = $1`, [request.id]);
    await passToNextStep(database.owner, request);
    await shows(request, 'D-bob', 'D-carol', 'D-frank');
    expect(await escalations(house, request)).toEqual([
      { because: 'too_few', to: ['bob', 'carol', 'frank'] },
    ]);
    expect(await plannedStep(database.owner, request), 'reminders go on').toMatchObject({ step: 1 });
    await house.done('carol', request, 'deny');
  });

  it('nobody is called about a change that its requester has not confirmed', async () => {
    const request = await checks();
    const before = await plannedStep(database.owner, request);
    const commit = execFileSync('git', ['-C', house.home.file('web.git'), 'rev-parse', 'main'], {
      encoding: 'utf8',
    }).trim();
    const outcome = await house.assistant.edit({
      request: request.id,
      principal: 'carol' as PrincipalId,
      digest: request.digest,
      arguments: { ...request.arguments, ref: commit },
    });
    if (outcome.kind !== 'done') throw new Error(outcome.message);
    await hoursPass(database.owner, request, before!.hours);
    await settles(
      async () =>
        (await database.owner.maybe(`select 1 from pgboss.job where id = $1 and state = 'completed'`, [
          before!.id,
        ])) !== null,
      'the step of before ends',
    );
    // An asking that was on its way asks nobody either.
    await database.owner.query(
      `insert into pgboss.job (name, data) values ('deliver', jsonb_build_object('ask', $1::text))`,
      [request.id],
    );
    await settles(
      async () =>
        (await database.owner.maybe(
          `select 1 from pgboss.job where name = 'deliver' and data->>'ask' = $1 and state < 'completed'`,
          [request.id],
        )) === null,
      'the asking ends',
    );
    expect(chat.said(request.id)).toEqual([]);
    expect(chat.cards(request.id)).toEqual([DEFAULT_CHANNEL, 'D-bob']);
    expect(await escalations(house, request)).toEqual([]);

    await house.done('alice', outcome.request, 'confirm');
    await chat.until(() => chat.said(request.id).length === 2, 'now they are called');
    expect(chat.said(request.id).map((it) => it.place)).toEqual([DEFAULT_CHANNEL, 'D-bob']);
    expect(chat.said(request.id)[0]?.text).toMatch(/was changed, and is asked for anew/);
    expect(await plannedStep(database.owner, request)).toMatchObject({ step: 0 });
    await house.done('bob', outcome.request, 'deny');
  });

  it('everybody is asked when its plan loses the steps it had, and when its route is gone', async () => {
    const [waits, other] = [await checks(), await checks()];
    await startsAgain((text) => text.replace('    remind_after: 4h\n', ''));
    // Whom a plan asks is settled: only its next step finds that there is none.
    expect(await escalations(house, waits)).toEqual([]);
    const job = (await plannedStep(database.owner, waits))!;
    await hoursPass(database.owner, waits, job.hours);
    await shows(waits, 'D-bob', 'D-carol', 'D-frank');
    await chat.until(() => why(waits).length > 0, 'bob is told why');
    expect(why(waits)).toEqual([
      expect.stringMatching(/^Who is asked about ".*" \([0-9a-f]{8}\) was configured anew\.$/),
    ]);

    await startsAgain((text) => text.slice(0, text.indexOf('routes:')));
    await shows(other, 'D-bob', 'D-carol', 'D-frank');
    expect(await escalations(house, other)).toEqual([{ because: 'rerouted', to: ['carol', 'frank'] }]);
    await startsAgain((text) => `${text}\n`);
    expect(await escalations(house, waits)).toEqual([{ because: 'rerouted', to: ['carol', 'frank'] }]);
    expect(await escalations(house, other)).toHaveLength(1);
  });
});
