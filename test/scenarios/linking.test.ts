/** Linking a chat account by signing in on both sides, through the whole product: the code, the message, the question, the link. */
import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import type { PrincipalId, TurnId } from '../../src/model/ids.ts';
import type { AccountFacts, ChatAccount } from '../../src/model/links.ts';
import type { Surface } from '../../src/model/ports.ts';
import {
  fresh,
  type Home,
  runProcess,
  startAssistant,
  startIn,
  type TestAssistant,
  useAssistant,
} from '../support/assistant.ts';
import { useDatabase } from '../support/database.ts';
import { recordingSurface } from './reach-support.ts';

const ISSUER = 'https://login.example.com';
const ENVIRONMENT = {
  PUBLIC_URL: 'https://countersign.example',
  OIDC_ISSUER: ISSUER,
  OIDC_CLIENT_ID: 'tests',
  OIDC_CLIENT_SECRET: 'only-for-tests',
};
const PATIENCE_MS = 60_000;
const TENANT = '99999999-8888-4777-8666-555555555555';
const BOB_IN_TEAMS: ChatAccount = {
  platform: 'teams',
  tenant: TENANT,
  user: '00000000-0000-4000-8000-00000000b0b0',
};

const signedIn = (id: string, subject = `subject-of-${id}`) => ({
  principal: id as PrincipalId,
  issuer: ISSUER,
  subject,
});
const ALICE = signedIn('alice');
const BOB = signedIn('bob');
const slack = (user: string): ChatAccount => ({ platform: 'slack', enterprise: null, team: 'T0ACME', user });

/** Nobody may ask for many codes: each test has a person of its own, who is on call. */
const OWN_PEOPLE = 20;

/** Everybody of the samples, with a sign-in; bob is in Teams as well, as the operators say. */
function listEverybody(home: Home): void {
  const web = (id: string) => `{platform: web, issuer: '${ISSUER}', subject: subject-of-${id}}`;
  const own = Array.from({ length: OWN_PEOPLE }, (_, index) => `p${index + 1}`);
  home.edit('people.yaml', (text) => {
    const listed = text.replace(/ {2}- id: (\w+)\n/g, (line, id: string) => {
      const teams = id === 'bob' ? `, {platform: teams, tenant: ${TENANT}, oid: ${BOB_IN_TEAMS.user}}` : '';
      return `${line}    accounts: [${web(id)}${teams}]\n`;
    });
    const more = own.map(
      (id) =>
        `  - {id: ${id}, name: Person ${id}, groups: [employees, engineers, oncall], accounts: [${web(id)}]}\n`,
    );
    return `${listed.trimEnd()}\n${more.join('')}`;
  });
}
const OPTIONS = { environment: ENVIRONMENT, prepare: listEverybody };

/** What the platforms say of accounts, and what was shown there. */
function join({ running }: TestAssistant) {
  const facts = new Map<string, AccountFacts | AppError>();
  const boards = { slack: recordingSurface('slack'), teams: recordingSurface('teams') };
  for (const board of Object.values(boards)) {
    const factsOf: Surface['factsOf'] = async (account) => {
      const said = facts.get(account.user) ?? {
        name: `${account.user} of ${account.platform}`,
        standing: 'member',
      };
      if (said instanceof AppError) throw said;
      return said;
    };
    running.addSurface({ ...board.surface, factsOf });
  }
  return { facts, boards };
}

function tell({ running }: TestAssistant) {
  const { assistant } = running;
  const placeOf = (account: ChatAccount, direct: boolean) => ({
    platform: account.platform,
    tenant: account.platform === 'slack' ? account.team : account.tenant,
    container: direct ? `D-${account.user}` : 'CGENERAL',
    thread: '',
    direct,
  });
  const deliver = async (account: ChatAccount, content: { kind: string }, direct = true) => {
    const { turn } = await assistant.receive({
      key: fresh(),
      account,
      place: placeOf(account, direct),
      content: content as never,
    });
    const outcome = await assistant.outcome(turn, PATIENCE_MS);
    expect(outcome.settled).toBe(true);
    return outcome;
  };
  const say = async (account: ChatAccount, text: string, direct = true): Promise<string> =>
    (await deliver(account, { kind: 'message', text, fetched: [] } as never, direct)).reply;
  const who = async (account: ChatAccount): Promise<string> => {
    const found = await assistant.identify(account);
    return found.kind === 'known' ? found.principal.id : found.kind;
  };
  return { deliver, say, who };
}

const refusedAs = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'done',
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  );

describe('linking', () => {
  const started = useAssistant(OPTIONS);
  let people = 0;
  /** Somebody who is signed in, two accounts that nobody knows, and what their world says. */
  const world = (me = signedIn(`p${++people}`)) => {
    const it = started();
    const linking = it.running.linking!;
    const code = async (by = me): Promise<string> => (await linking.begin(by)).code;
    const account = slack(`U${me.principal.toUpperCase()}NEW`);
    const other = slack(`U${me.principal.toUpperCase()}OTHER`);
    return { it, linking, me, code, ...tell(it), ...join(it), account, other };
  };
  const linked = async (me?: ReturnType<typeof signedIn>) => {
    const all = world(me);
    await all.say(all.account, `link ${await all.code()}`);
    const { asking } = await all.linking.page(all.me);
    await all.linking.answer(all.me, asking!.id, true);
    return { ...all, id: asking!.id };
  };

  it('takes a code, a message and a yes; then the account is that person', async () => {
    const { it, linking, say, who, account, facts, boards, me, code } = world();
    facts.set(account.user, { name: 'Ally \u202e Smith', standing: 'member' });
    const sent = await code();
    expect(sent).toMatch(/^[0-9a-z]{4}(-[0-9a-z]{4}){3}$/);
    expect(await linking.page(me)).toMatchObject({
      waiting: { expiresAt: expect.any(String) },
      asking: null,
    });
    expect(await say(account, ` Link ${sent.toUpperCase()} `)).toMatch(
      /asks to be linked to Person p1 \(p1\).*say yes there/,
    );

    const { asking, waiting } = await linking.page(me);
    expect([asking, waiting]).toMatchObject([
      { account, name: expect.stringMatching(/^Ally .* Smith$/) },
      null,
    ]);
    expect(asking?.name).not.toContain('\u202e');
    expect(await who(account)).toBe('unknown');

    await linking.answer(me, asking!.id, true);
    expect(await who(account)).toBe(me.principal);
    expect((await linking.page(me)).links).toMatchObject([{ id: asking!.id, account, counts: true }]);
    expect(await say(account, 'whoami')).toContain('Person p1');
    const direct = `D-${account.user}`;
    const wasTold = () =>
      boards.slack.shown.some(({ place, text }) => place === direct && text.includes('is linked now'));
    await boards.slack.until(wasTold, 'the account hears it');
    // Wherever she is asked, she can be asked there too.
    await it.eventually(
      async () =>
        (await it.running.assistant.people())
          .find(({ id }) => id === me.principal)
          ?.accounts.some((one) => 'user' in one && one.user === account.user),
      'her account is among those by which she is reached',
    );
  });

  it('keeps the code nowhere, and who asked and who linked in the log, sealed', async () => {
    const { it, account, id, me, code } = await linked();
    const theirs = (await it.verifiedLog()).filter(({ data }) => data?.link === id);
    expect(theirs).toMatchObject([
      {
        type: 'account.asked',
        principal: me.principal,
        turn: expect.any(String),
        data: { platform: 'slack' },
        sealed: {},
      },
      { type: 'account.linked', principal: me.principal, data: { platform: 'slack' }, sealed: {} },
    ]);
    expect(JSON.stringify(theirs)).not.toContain(account.user);
    const sent = await code();
    await tell(it).say(slack('UCODE'), `link ${sent}`);
    for (const table of ['turns', 'messages', 'threads', 'link_codes', 'audit_entries', 'pgboss.job']) {
      const rows = await it.database.owner.query(`select to_jsonb(t)::text as row from ${table} t`);
      expect(JSON.stringify(rows), table).not.toContain(sent.slice(0, 9));
    }
  });

  it('links nothing after a no, and says so in the log', async () => {
    const { it, linking, say, who, account, me, code } = world();
    await say(account, `link ${await code()}`);
    const { asking } = await linking.page(me);
    await linking.answer(me, asking!.id, false);
    expect([await who(account), await refusedAs(linking.answer(me, asking!.id, true))]).toEqual([
      'unknown',
      'conflict',
    ]);
    const entries = (await it.verifiedLog()).filter(({ data }) => data?.link === asking!.id);
    expect(entries.map(({ type }) => type)).toEqual(['account.asked', 'account.refused']);
  });

  it('knows no code but one that holds: not a wrong one, not an old one, not one twice', async () => {
    const { it, linking, say, account, other, me, code } = world();
    const sent = await code();
    const no = /That code is not valid/;
    expect(await say(account, 'link 0000-0000-0000-0000')).toMatch(no);
    await it.database.owner.query(
      'update link_codes set expires_at = clock_timestamp() where principal = $1',
      [me.principal],
    );
    expect(await say(account, `link ${sent}`)).toMatch(no);
    const first = await code();
    const second = await code();
    expect(await say(account, `link ${first}`), 'a later code ends an earlier one').toMatch(no);
    expect(await say(account, `link ${second}`)).toMatch(/asks to be linked/);
    expect(await say(other, `link ${second}`)).toMatch(no);
    expect((await linking.page(me)).asking?.account).toEqual(account);
  });

  it('asks for ten minutes and no longer', async () => {
    const { it, linking, say, who, account, me, code } = world();
    await say(account, `link ${await code()}`);
    const { asking } = await linking.page(me);
    await it.database.owner.query('update link_codes set expires_at = clock_timestamp() where id = $1', [
      asking!.id,
    ]);
    expect(await refusedAs(linking.answer(me, asking!.id, true))).toBe('conflict');
    expect([(await linking.page(me)).asking, await who(account)]).toEqual([null, 'unknown']);
  });

  it('takes a yes from nobody but whoever got the code, by the same sign-in', async () => {
    const { linking, say, who, account, me, code } = world();
    await say(account, `link ${await code()}`);
    const { asking } = await linking.page(me);
    for (const by of [BOB, signedIn(me.principal, 'another-subject')]) {
      expect(await refusedAs(linking.answer(by, asking!.id, true))).toBe('conflict');
      expect((await linking.page(by)).asking).toBeNull();
    }
    expect(await who(account)).toBe('unknown');
  });

  it('is not for an account that is known already, and the code is still good', async () => {
    const { linking, say, account, me, code } = world();
    const sent = await code();
    expect(await say(BOB_IN_TEAMS, `link ${sent}`)).toBe(
      'The directory knows this account already: it is Bob Brown (bob). Nothing was linked.',
    );
    expect((await linking.page(me)).asking).toBeNull();
    expect(await say(account, `link ${sent}`)).toMatch(/asks to be linked/);
  });

  it('is for direct messages only, and for accounts of our own people', async () => {
    const { linking, say, account, other, facts, me, code } = world();
    facts.set(other.user, { name: 'A guest', standing: 'outsider' });
    const sent = await code();
    expect(await say(account, `link ${sent}`, false)).toMatch(/in a direct message/);
    expect(await say(other, `link ${sent}`)).toMatch(/Only accounts of our own people/);
    facts.set(account.user, new AppError('config_invalid', 'Slack refuses it.'));
    expect(await say(account, `link ${sent}`)).toMatch(/I cannot find out now/);
    expect((await linking.page(me)).asking).toBeNull();
    facts.delete(account.user);
    expect(await say(account, `link ${sent}`)).toMatch(/asks to be linked/);
  });

  it('gives one code to one account, however many send it at once', async () => {
    const { linking, say, me, code } = world();
    const sent = await code();
    const accounts = ['URACE1', 'URACE2', 'URACE3', 'URACE4'].map(slack);
    const answers = await Promise.all(accounts.map((account) => say(account, `link ${sent}`)));
    const won = accounts.filter((_, index) => answers[index]?.includes('asks to be linked'));
    expect(won).toHaveLength(1);
    expect((await linking.page(me)).asking?.account).toEqual(won[0]);
  });

  it('gives one account to one person, however many say yes at once', async () => {
    const { linking, say, who, account, me, code } = world();
    const questions = [];
    for (const by of [me, BOB]) {
      await say(account, `link ${await code(by)}`);
      questions.push({ by, id: (await linking.page(by)).asking!.id });
    }
    const became = await Promise.all(questions.map(({ by, id }) => refusedAs(linking.answer(by, id, true))));
    expect([...became].sort()).toEqual(['conflict', 'done']);
    expect(await who(account)).toBe(became[0] === 'done' ? me.principal : 'bob');
  });

  it('stops with everything, and for whom the kill switch names', async () => {
    const { it, linking, say, account, me, code } = world();
    const sent = await code();
    await say(account, `link ${sent}`);
    const { asking } = await linking.page(me);
    await it.database.owner.query(
      `insert into kill_switches (id, principal, reason, switched_on_by)
       values (gen_random_uuid(), $1, 'a lost laptop', 'erin')`,
      [me.principal],
    );
    expect(await refusedAs(linking.answer(me, asking!.id, true))).toBe('kill_switch');
    expect(await refusedAs(code())).toBe('kill_switch');
    const daves = await code(signedIn('dave'));
    await it.database.owner.query('update kill_switches set principal = null');
    expect(await say(account, `link ${daves}`)).toBe('Nothing can be linked at the moment: a lost laptop');
    await it.database.owner.query(`update kill_switches set switched_off_at = clock_timestamp()`);
    await linking.answer(me, asking!.id, true);
  });

  it('gives a person six codes an hour, and hears five from an account in ten minutes', async () => {
    const { linking, say, account, me, code } = world();
    for (let more = 1; more <= 6; more++) await code();
    expect(await refusedAs(linking.begin(me))).toBe('rate_limited');
    for (let tries = 1; tries <= 5; tries++) await say(account, 'link 0000-0000-0000-0000');
    expect(await say(account, 'link 0000-0000-0000-0000')).toMatch(/^That is more than 5 codes/);
  });

  it('ends at once when the person unlinks it, and is nobody else’s to end', async () => {
    const { it, linking, who, account, id, me } = await linked();
    expect(await refusedAs(linking.remove(BOB, id))).toBe('not_found');
    expect(await who(account)).toBe(me.principal);
    await linking.remove(me, id);
    expect(await who(account)).toBe('unknown');
    expect(await refusedAs(linking.remove(me, id))).toBe('not_found');
    const entries = (await it.verifiedLog()).filter(({ data }) => data?.link === id);
    expect(entries.at(-1)).toMatchObject({
      type: 'account.unlinked',
      principal: me.principal,
      data: { by: me.principal },
    });
  });

  it('ends at once when an operator unlinks it', async () => {
    const { it, who, account, id, me } = await linked();
    const run = async (...words: string[]) => {
      const command = runProcess(it.home, {
        database: it.database,
        environment: ENVIRONMENT,
        program: 'src/cli.ts',
        arguments: ['links', ...words],
      });
      return [await command.exited(), command.said.out];
    };
    expect(await run('list', '--principal', me.principal)).toEqual([
      0,
      expect.stringMatching(
        new RegExp(
          `^${id} ${me.principal}: Slack workspace T0ACME, user ${account.user}, which calls itself "`,
        ),
      ),
    ]);
    expect((await run('remove', id))[0]).toBe(0);
    expect(await who(account)).toBe('unknown');
    expect((await run('remove', id))[0]).toBe(1);
    expect((await run('remove', 'it'))[0]).toBe(2);
    expect(await run('list', '--principal', 'nobody-here')).toEqual([2, '']);
    expect(await run('list', '--principal', me.principal)).toEqual([
      0,
      `${me.principal} has linked no account.\n`,
    ]);
    const entries = (await it.verifiedLog()).filter(({ data }) => data?.link === id);
    expect(entries.at(-1)).toMatchObject({
      type: 'account.unlinked',
      principal: me.principal,
      data: { by: expect.stringMatching(/^os:/) },
    });
  });

  it('goes with everything else that is erased of a person', async () => {
    const { it, who, account, me } = await linked();
    const command = runProcess(it.home, {
      database: it.database,
      environment: ENVIRONMENT,
      program: 'src/cli.ts',
      arguments: ['privacy', 'erase', me.principal],
    });
    expect([await command.exited(), command.said.err]).toEqual([0, expect.any(String)]);
    expect(await who(account)).toBe('unknown');
    const left = await it.database.owner.query(
      `select to_jsonb(t)::text from (select account, name from account_links union all select account, name from link_codes) t
       where account->>'user' = $1`,
      [account.user],
    );
    expect(left).toEqual([]);
  });

  it('answers the same message the same way when it is answered once more', async () => {
    const { it, account, say, code } = world();
    const reply = await say(account, `link ${await code()}`);
    const turn = await it.database.owner.one<{ id: TurnId; codeHash: string }>(
      `select id, content->>'codeHash' as "codeHash" from turns where account->>'user' = $1`,
      [account.user],
    );
    const stored = { id: turn.id, place: {}, account } as never;
    expect(await it.running.linking!.claim(stored, account, turn.codeHash)).toBe(reply);
  });

  it('makes it the same person: who asked in Slack does not approve in Teams', async () => {
    const { it, deliver, account } = await linked(BOB);
    const asked = await deliver(account, {
      kind: 'message',
      text: 'ci trigger repo=web job=checks ref=main',
      fetched: [],
    } as never);
    const [request] = asked.requests;
    expect(request, asked.reply).toBeDefined();
    const { rendering } = await it.database.owner.one<{ rendering: string }>(
      'select rendering from requests where id = $1',
      [request],
    );
    const press = { kind: 'decision', rendering, decision: 'approve' };
    expect((await deliver(BOB_IN_TEAMS, press)).reply).toMatch(
      /your own|you asked|requester|cannot approve|may not/i,
    );
    expect(await it.view(request!)).toMatchObject({ state: 'pending', requester: 'bob', approvals: [] });
    const entries = await it.entries({ id: request! });
    expect(entries.at(-1)).toMatchObject({
      type: expect.stringMatching(/approval\.refused|reply\.sent/),
      principal: 'bob',
    });
    expect(entries.map(({ type }) => type)).toContain('approval.refused');
  });
});

describe('the operators’ file', () => {
  const database = useDatabase();
  it('comes before every link, at once', async () => {
    const it = await startAssistant(database, OPTIONS);
    const { linking } = it.running;
    join(it);
    const { say, who } = tell(it);
    const account = slack('UFILE');
    await say(account, `link ${(await linking!.begin(ALICE)).code}`);
    await linking!.answer(ALICE, (await linking!.page(ALICE)).asking!.id, true);
    const counts = async () => [await who(account), (await linking!.page(ALICE)).links[0]?.counts];
    expect(await counts()).toEqual(['alice', true]);
    const people = async (change: (text: string) => string) => {
      it.home.edit('people.yaml', change);
      await it.running.reload();
    };
    const inBobs = ', {platform: slack, team: T0ACME, user: UFILE}';
    const after = 'subject-of-bob}';
    await people((text) => text.replace(after, after + inBobs));
    expect(await counts()).toEqual(['bob', false]);
    await people((text) => text.replace(inBobs, ''));
    expect(await counts()).toEqual(['alice', true]);
    await people((text) => text.replace('subject-of-alice', 'another-sign-in'));
    expect(await counts()).toEqual(['unknown', false]);
    // The sign-in is somebody else's now: what it said yes to is not alice's any more, and not theirs.
    await people((text) => text.replace('subject-of-dave', 'subject-of-alice'));
    expect(await counts()).toEqual(['unknown', false]);
    await people((text) =>
      text.replace(/subject-of-alice/g, 'subject-of-dave').replace('another-sign-in', 'subject-of-alice'),
    );
    expect(await counts()).toEqual(['alice', true]);
    await people((text) => text.replace('- id: alice\n', '- id: alice\n    active: false\n'));
    expect((await counts())[0]).toBe('inactive');
    await people((text) => text.replace(/ {2}- id: alice[\s\S]*?(?= {2}- id: bob)/, ''));
    expect(await counts()).toEqual(['unknown', false]);
    // What counts for nothing keeps nobody out.
    await say(account, `link ${(await linking!.begin(BOB)).code}`);
    await linking!.answer(BOB, (await linking!.page(BOB)).asking!.id, true);
    expect(await who(account)).toBe('bob');
    await it.running.stop();
    it.home.remove();
  });
});

describe('a restart', () => {
  const database = useDatabase();
  it('between the code, the message, the yes and what follows changes nothing', async () => {
    let it = await startAssistant(database, OPTIONS);
    const again = async () => {
      await it.running.stop();
      it = await startIn(it.home, database, OPTIONS);
      join(it);
    };
    join(it);
    const account = slack('URESTART');
    const { code } = await it.running.linking!.begin(ALICE);
    await again();
    await tell(it).say(account, `link ${code}`);
    await again();
    await it.running.linking!.answer(ALICE, (await it.running.linking!.page(ALICE)).asking!.id, true);
    await again();
    expect(await tell(it).who(account)).toBe('alice');
    const alice = (await it.running.assistant.people()).find(({ id }) => id === 'alice');
    expect(alice?.accounts).toContainEqual(account);
    await it.running.stop();
    it.home.remove();
  });
});

describe('where it is switched off', () => {
  const database = useDatabase();
  it('nobody links, and no link counts', async () => {
    const before = await startAssistant(database, OPTIONS);
    join(before);
    const account = slack('UOFF');
    await tell(before).say(account, `link ${(await before.running.linking!.begin(ALICE)).code}`);
    await before.running.linking!.answer(ALICE, (await before.running.linking!.page(ALICE)).asking!.id, true);
    expect(await tell(before).say(slack('USTRANGER'), 'hello')).toContain(
      'link it yourself: https://countersign.example/link',
    );
    await before.running.stop();
    before.home.edit('countersign.yaml', (text) => `${text}\naccount_links: false\n`);
    const it = await startIn(before.home, database, OPTIONS);
    join(it);
    expect(it.running.linking).toBeNull();
    expect(await tell(it).who(account)).toBe('unknown');
    expect(await tell(it).say(account, 'link 0000-0000-0000-0000')).toMatch(
      /^I do not know you.*workspace T0ACME, user UOFF\.$/,
    );
    await it.running.stop();
    it.home.remove();
  });
});

describe('without a sign-in', () => {
  const database = useDatabase();
  it('nobody links an account', async () => {
    const it = await startAssistant(database);
    expect(it.running.linking).toBeNull();
    await it.running.stop();
    it.home.remove();
  });
});
