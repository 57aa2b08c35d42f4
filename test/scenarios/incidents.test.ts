/** From a message in chat to an incident of PagerDuty that people are called for, chosen by the operator's file alone. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { PrincipalId } from '../../src/model/ids.ts';
import type { RequestView } from '../../src/model/request.ts';
import { startAssistant, type TestAssistant } from '../support/assistant.ts';
import { useDatabase } from '../support/database.ts';
import { startLosingProxy } from '../support/losing-proxy.ts';
import { FakePagerDuty, type Incident } from '../support/pagerduty/fake-pagerduty.ts';

type Proxy = Awaited<ReturnType<typeof startLosingProxy>>;

/** The operator's file, as docs/connectors.md describes it. */
const chosen = (proxy: Proxy): string =>
  Object.entries({
    connectors: {
      oncall: {
        use: 'pagerduty',
        settings: {
          from: 'assistant@example.com',
          account: 'PASSIST',
          web: 'https://acme.pagerduty.com',
          services: { web: { id: 'PWEB001', title: 'Web shop' } },
          teams: { platform: { service: 'PPAGES1', escalation_policy: 'PPOLPLA', title: 'Platform' } },
        },
      },
    },
    upstreams: { 'api.pagerduty.com': { base_url: proxy.baseUrl, addresses: ['127.0.0.1/32'] } },
    credentials: {
      pagerduty: { scheme: 'pagerduty', host: 'api.pagerduty.com', env: 'PAGERDUTY_WRITE_KEY' },
    },
  })
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
    .join('\n');

describe('through the whole product to PagerDuty', () => {
  const database = useDatabase();
  let pagerduty: FakePagerDuty;
  let proxy: Proxy;
  let house: TestAssistant;
  const restore: (() => void)[] = [];

  beforeAll(async () => {
    pagerduty = await FakePagerDuty.start(`pd-${crypto.randomUUID()}`);
    proxy = await startLosingProxy(pagerduty.wire.baseUrl);
    house = await startAssistant(database, {
      extra: chosen(proxy),
      environment: { LOCAL_MODE_WITH_CONNECTORS: '1', PAGERDUTY_WRITE_KEY: pagerduty.token },
    });
  });
  afterEach(async () => {
    if (restore.length === 0) return;
    for (const back of restore.splice(0)) back();
    await house.running.reload();
  });
  afterAll(async () => {
    await house?.running.stop();
    house?.home.remove();
    await proxy?.stop();
    await pagerduty?.stop();
  });

  /** What the operator writes into a file of the rules, until the test is over. */
  async function rules(file: string, change: (text: string) => string): Promise<void> {
    let before = '';
    house.home.edit(`policies/${file}`, (text) => {
      before = text;
      return change(text);
    });
    restore.push(() => house.home.edit(`policies/${file}`, () => before));
    await house.running.reload();
  }

  const done = async (person: string, text: string): Promise<RequestView> =>
    house.until(await house.ask(person, text), 'succeeded');
  const opened = async (title: string): Promise<{ request: RequestView; incident: Incident }> => {
    const request = await done('alice', `incident open service=web title="${title}"`);
    return { request, incident: pagerduty.incidents.find((one) => one.title === title)! };
  };
  const cardFor = async (person: string, { id }: RequestView) =>
    (await house.assistant.requestPage(id, person as PrincipalId))!.message.card!;
  /** What has arrived there and changes something. */
  const writes = () => pagerduty.wire.calls.filter(({ method }) => method !== 'GET').length;
  const denied = async (person: string, text: string): Promise<RequestView> => {
    const before = writes();
    const request = await house.ask(person, text);
    expect(request.state, JSON.stringify(request)).toBe('denied');
    expect(writes()).toBe(before);
    return request;
  };

  it('an incident is opened in plain words once who asked has confirmed, and whoever is on call is told', async () => {
    const asked = await house.ask('dave', 'open an incident for web: Checkout is down');
    expect(asked).toMatchObject({
      action: 'incident.open',
      state: 'pending',
      risk: 'low',
      resource: { type: 'Service', id: 'pagerduty/web' },
      needs: [{ kind: 'confirm', count: 1 }],
    });
    expect((await cardFor('dave', asked)).facts).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ label: 'On call now', value: '1: Bob B.; 2: Assistant' }),
      ]),
    );
    expect(pagerduty.incidents).toEqual([]);
    await house.done('dave', asked, 'confirm');
    const ended = await house.until(asked, 'succeeded');
    const [incident] = pagerduty.incidents;
    expect(incident).toMatchObject({
      title: 'Checkout is down',
      service: { id: 'PWEB001' },
      status: 'triggered',
      body: { details: 'Written for dave (Dave Davis) by Countersign.' },
    });
    expect(ended.result).toMatchObject({
      message: `Incident ${incident?.id} is open.`,
      link: `https://acme.pagerduty.com/incidents/${incident?.id}`,
    });
    const [sent] = pagerduty.wire.calls.filter(({ method }) => method === 'POST');
    expect(sent?.headers.from).toBe('assistant@example.com');
  });

  it('a typed command is its own confirmation, and says how urgent it is and what is known', async () => {
    const asked = await house.ask(
      'alice',
      'incident open service=web title="Checkout is slow" urgency=low description="Since noon."',
    );
    expect(asked.needs).toEqual([]);
    await house.until(asked, 'succeeded');
    expect(pagerduty.incidents.at(-1)).toMatchObject({
      title: 'Checkout is slow',
      urgency: 'low',
      body: { details: 'Since noon.\n\nWritten for alice (Alice Adams) by Countersign.' },
    });
    expect(await house.story(asked)).toEqual([
      'turn.received',
      'egress.called',
      'proposal.made',
      'decision.made',
      'request.confirmed',
      'reply.sent',
      'execution.started',
      'egress.called',
      'execution.finished',
      'reply.sent',
    ]);
  });

  it('a note is written on it, everybody reads that, and an engineer resolves it', async () => {
    const { incident } = await opened('Search finds nothing');
    const noted = await house.ask('alice', `note on incident ${incident.id}: We look at the index`);
    await house.done('alice', noted, 'confirm');
    await house.until(noted, 'succeeded');
    expect(pagerduty.notes.get(incident.id)).toMatchObject([
      {
        content: expect.stringMatching(
          /^We look at the index\n\nWritten for alice \(Alice Adams\) by Countersign\./,
        ),
        user: { id: 'PASSIST' },
      },
    ]);
    const look = await done('dave', `what is the status of incident ${incident.id}`);
    expect(look.result).toMatchObject({
      message: expect.stringContaining(`Incident ${incident.id} is triggered, urgency high`),
      output: expect.stringContaining('We look at the index'),
    });
    const resolve = await house.ask('bob', `resolve incident ${incident.id}`);
    expect(resolve).toMatchObject({ action: 'incident.resolve', needs: [{ kind: 'confirm' }] });
    await house.done('bob', resolve, 'confirm');
    await house.until(resolve, 'succeeded');
    expect(incident.status).toBe('resolved');
    const again = await house.say('alice', `incident resolve incident=${incident.id}`);
    expect(again.reply).toContain(`Incident ${incident.id} is resolved already.`);
  });

  it('is resolved with somebody else’s yes where the notes on it were read in the same conversation', async () => {
    const { incident } = await opened('Mails are late');
    const thread = crypto.randomUUID();
    await house.until(
      await house.ask('alice', `incident status incident=${incident.id}`, thread),
      'succeeded',
    );
    const asked = await house.ask('alice', `incident resolve incident=${incident.id}`, thread);
    expect(asked.needs).toMatchObject([{ kind: 'approve', count: 1 }]);
    expect((await house.decide('dave', asked, 'approve')).kind).toBe('refused');
    await house.done('bob', asked, 'approve');
    await house.until(asked, 'succeeded');
  });

  it('opening it is taken back by a request to resolve it, for a while', async () => {
    const { request, incident } = await opened('Nothing is wrong');
    expect((await cardFor('alice', request)).offers).toContain('undo');
    const undo = await house.ask('alice', `undo ${request.id}`);
    expect(undo).toMatchObject({
      action: 'incident.resolve',
      arguments: { incident: incident.id },
      risk: 'medium',
      needs: [],
    });
    await house.until(undo, 'succeeded');
    expect(incident.status).toBe('resolved');
    const log = (await house.entries(undo)).map(({ type }) => type);
    expect(log).toEqual(expect.arrayContaining(['decision.made', 'request.confirmed', 'execution.finished']));
    expect((await cardFor('alice', request)).offers).not.toContain('undo');
  });

  it('taking it back is not offered, and refused, to whoever may not resolve incidents, and it stays open', async () => {
    const request = await done('dave', 'incident open service=web title="Printer is slow"');
    expect((await cardFor('dave', request)).offers).toEqual(['report']);
    const undo = await denied('dave', `undo ${request.id}`);
    expect(undo.action).toBe('incident.resolve');
    expect(pagerduty.incidents.at(-1)).toMatchObject({ title: 'Printer is slow', status: 'triggered' });
  });

  it.each([
    'incident note incident=ID note="hello"',
    'incident resolve incident=ID',
    'oncall page team=platform message="wake up"',
  ])('an employee who is no engineer may not: %s', async (command) => {
    const { id } = pagerduty.incidents[0]!;
    await denied('dave', command.replace('ID', id));
    await denied('erin', command.replace('ID', id));
  });

  it('incidents of other services are as if they were not there', async () => {
    const { id } = pagerduty.open({ title: 'Not ours', service: 'POTHER1', key: 'k', details: '' });
    const look = await house.until(await house.ask('alice', `incident status incident=${id}`), 'failed');
    expect(look.result).toMatchObject({ code: 'not_found' });
    const before = writes();
    const resolve = await house.until(await house.ask('alice', `incident resolve incident=${id}`), 'failed');
    expect(resolve.result).toMatchObject({
      code: 'preview_failed',
      message: 'That incident is not of a service that the assistant serves.',
    });
    expect(writes()).toBe(before);
  });

  it('who reads them is narrowed by the operator’s rules', async () => {
    const { id } = pagerduty.incidents[0]!;
    await rules('incidents.cedar', (text) =>
      text.replace(
        'permit (principal in Group::"employees", action == Action::"incident.status", resource);',
        'permit (principal in Group::"engineers", action == Action::"incident.status", resource);',
      ),
    );
    await denied('dave', `incident status incident=${id}`);
    await done('alice', `incident status incident=${id}`);
  });

  it('an engineer pages a team with high urgency, without anybody’s approval but a confirmation', async () => {
    const asked = await house.ask('alice', 'page platform: The database is down');
    expect(asked).toMatchObject({ action: 'oncall.page', needs: [{ kind: 'confirm' }] });
    await house.done('alice', asked, 'confirm');
    await house.until(asked, 'succeeded');
    expect(pagerduty.incidents.at(-1)).toMatchObject({
      title: 'The database is down',
      urgency: 'high',
      service: { id: 'PPAGES1' },
      escalation_policy: { id: 'PPOLPLA' },
      body: { details: 'Written for alice (Alice Adams) by Countersign.' },
    });
  });

  it('where the operator’s rules ask for it somebody on call approves a page first, and not who asked', async () => {
    await rules(
      'incidents.cedar',
      (text) => `${text.replace(
        '@approval("none")\npermit (principal in Group::"engineers", action == Action::"oncall.page"',
        '@approval("oncall")\npermit (principal in Group::"engineers", action == Action::"oncall.page"',
      )}
@id("oncall-approves-pages")
@description("People on call may approve that somebody is paged.")
permit (principal in Group::"oncall", action == Action::"approve", resource)
when { resource.action == "oncall.page" };
`,
    );
    const before = pagerduty.incidents.length;
    const asked = await house.ask('bob', 'oncall page team=platform message="Disks are full"');
    expect(asked.needs).toMatchObject([{ kind: 'approve', group: 'oncall', count: 1 }]);
    expect((await house.decide('bob', asked, 'approve')).kind).toBe('refused');
    expect((await house.decide('alice', asked, 'approve')).kind).toBe('refused');
    expect(pagerduty.incidents).toHaveLength(before);
    await house.done('carol', asked, 'approve');
    await house.until(asked, 'succeeded');
    expect(pagerduty.incidents.at(-1)).toMatchObject({ title: 'Disks are full', urgency: 'high' });
  });

  describe('where the answer was lost', () => {
    it('an incident is found by its key, and opened once', async () => {
      const before = pagerduty.incidents.length;
      proxy.loseNextWrite();
      const { request, incident } = await opened('Login is broken');
      expect(pagerduty.incidents).toHaveLength(before + 1);
      expect(request.result).toMatchObject({ code: 'done', data: { incident: incident.id } });
      expect((await cardFor('alice', request)).offers).toContain('undo');
    });

    it('a resolution is asked for again, as that changes nothing more', async () => {
      const { incident } = await opened('Images are missing');
      proxy.loseNextWrite();
      await done('alice', `incident resolve incident=${incident.id}`);
      expect(incident.status).toBe('resolved');
    });

    it('and nothing is found, nobody opens it again: a person looks, and says what became of it', async () => {
      const before = pagerduty.incidents.length;
      proxy.dropNextWrite();
      const asked = await house.ask('alice', 'incident open service=web title="Nobody hears this"');
      const unknown = await house.until(asked, 'unknown');
      expect(unknown.result).toMatchObject({
        code: 'unknown_outcome',
        message: expect.stringContaining('Please look in PagerDuty at Service "pagerduty/web".'),
      });
      // By this it would be found there: the mark is the incident's key.
      const looked = pagerduty.wire.calls.findLast(({ query }) => query.has('incident_key'));
      expect(unknown.result?.message).toContain(`the mark ${looked?.query.get('incident_key')}`);
      expect(pagerduty.incidents).toHaveLength(before);
      expect((await house.say('dave', `resolve ${asked.id} succeeded`)).reply).toMatch(/Only its requester/);
      await house.say('alice', `resolve ${asked.id} failed it is not there`);
      expect(await house.view(asked.id)).toMatchObject({
        state: 'failed',
        result: { code: 'resolved_failed' },
      });
      const log = await house.entries(asked);
      expect(log.find(({ type }) => type === 'execution.resolved')).toMatchObject({ principal: 'alice' });
    });
  });

  it('nothing of the token stands in the log', async () => {
    expect(JSON.stringify(await house.verifiedLog())).not.toContain(pagerduty.token);
  });
});
