/** The product itself with an identity provider: `npm start` as a process, its own database, people from the file. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Message } from '../../../src/model/card.ts';
import { type Home, makeHome, runProcess, settles } from '../../support/assistant.ts';
import { useDatabase } from '../../support/database.ts';
import { freePort } from '../../support/free-port.ts';
import { CLIENT, startProvider, type TestProvider } from '../../support/oidc/provider.ts';
import { type Address, Visitor } from '../../support/oidc/visitor.ts';

describe('npm start with OIDC_ISSUER', () => {
  const database = useDatabase();
  let provider: TestProvider;
  let home: Home;
  let address: Address;
  let running: ReturnType<typeof runProcess>;

  const start = async () => {
    running = runProcess(home, {
      database,
      environment: {
        PORT: String(address.port),
        PUBLIC_URL: address.publicUrl.origin,
        OIDC_ISSUER: provider.issuer,
        OIDC_CLIENT_ID: CLIENT.clientId,
        OIDC_CLIENT_SECRET: CLIENT.clientSecret,
      },
    });
    await settles(async () => {
      if (running.child.exitCode !== null) throw new Error(`it did not start: ${running.said.err}`);
      return running.said.out.includes('Ctrl-C');
    }, 'the start is done');
  };
  const stop = async () => {
    running.child.kill('SIGTERM');
    const exit = await running.exited();
    // On a slow machine it may be cut short, and says so; anything else is a crash.
    if (exit !== 0) expect(running.said.out).toContain('the stop was cut short');
    expect(exit).toBeLessThan(2);
  };
  const signedIn = async (person: string) => {
    provider.subject = `subject-of-${person}`;
    const visitor = new Visitor(address);
    expect((await visitor.signIn()).status).toBe(303);
    return visitor;
  };

  beforeAll(async () => {
    provider = await startProvider();
    home = makeHome();
    await home.repository();
    home.edit('people.yaml', (text) =>
      text.replace(
        /^( +- id: (\w+)\n.*\n.*)$/gm,
        `$1\n    accounts: [{platform: web, issuer: "${provider.issuer}", subject: subject-of-$2}]`,
      ),
    );
    const port = await freePort();
    address = { port, publicUrl: new URL(`http://localhost:${port}`) };
    await start();
  });
  afterAll(async () => {
    await stop();
    await provider.stop();
    home.remove();
  });

  it('says where people sign in, and is not local mode', async () => {
    expect(running.said.out).toContain(
      `The workspace is at ${address.publicUrl.origin}; people sign in at localhost`,
    );
    expect(running.said.out).not.toContain('Local mode');
    expect((await new Visitor(address).read('/api/local/people')).status).toBe(404);
  });

  it('carries a request through two people’s sessions, whose cards link to its page', async () => {
    const [alice, bob, dave] = [await signedIn('alice'), await signedIn('bob'), await signedIn('dave')];
    const asked = await alice.change('/api/workspace/messages', { text: 'run the checks of web on main' });
    expect(asked.status).toBe(200);
    const { thread } = asked.body as { thread: string };
    const waiting = await settles(async () => {
      const { body } = await alice.read(`/api/workspace/threads/${thread}`);
      const own = (body as Message[]).findLast((message) => message.card !== null)?.card ?? null;
      if (own?.buttons.includes('confirm')) {
        const { request, digest } = own;
        await alice.change(`/api/workspace/requests/${request}/decisions`, { decision: 'confirm', digest });
      }
      const cards = (await bob.read('/api/workspace/waiting')).body as Message[];
      return cards.at(-1)?.card ?? null;
    }, 'bob is asked');
    expect(waiting.link).toBe(`${address.publicUrl.origin}/requests/${waiting.request}`);
    expect((await alice.open(new URL(waiting.link ?? '').pathname)).status).toBe(200);

    const page = `/api/workspace/requests/${waiting.request}`;
    expect((await alice.read(page)).status).toBe(200);
    expect((await dave.read(page)).status).toBe(404);
    const approve = { decision: 'approve', digest: waiting.digest };
    expect((await alice.change(`${page}/decisions`, approve)).status).toBe(403);
    expect((await bob.change(`${page}/decisions`, approve)).status).toBe(200);
  });

  it('tells who may read a request that it changed, and nobody else', async () => {
    const [alice, bob, dave] = [await signedIn('alice'), await signedIn('bob'), await signedIn('dave')];
    const streams = await Promise.all([alice, bob, dave].map((visitor) => listen(visitor)));
    const [hers, his, theirs] = streams;
    const text = 'ci trigger repo=web ref=main job=checks';
    const { thread } = (await alice.change('/api/workspace/messages', { text })).body as { thread: string };
    const request = await settles(async () => {
      const messages = (await alice.read(`/api/workspace/threads/${thread}`)).body as Message[];
      return messages.find((message) => message.card !== null)?.card?.request ?? null;
    }, 'there is a request');
    await settles(async () => hers?.heard().includes(thread) ?? null, 'alice is told of her thread');
    for (const stream of [hers, his])
      await settles(async () => stream?.heard().includes(request) ?? null, 'both are told of the request');
    // Streams keep the order: once dave hears this, everything before was kept from him.
    const said = await dave.change('/api/workspace/messages', { text: 'hello' });
    const own = (said.body as { thread: string }).thread;
    await settles(async () => theirs?.heard().includes(own) ?? null, 'dave is told of his thread');
    expect(his?.heard()).not.toContain(thread);
    for (const secret of [thread, request]) expect(theirs?.heard()).not.toContain(secret);
    expect(hers?.heard()).not.toContain(own);
    for (const stream of streams) stream.stop();
  });

  it('keeps sessions over a restart, and ends them when the file no longer lists the person', async () => {
    const [alice, bob] = [await signedIn('alice'), await signedIn('bob')];
    await stop();
    await start();
    expect([await alice.whoAmI(), await bob.whoAmI()]).toEqual(['alice', 'bob']);
    home.edit('people.yaml', (text) => text.replace('- id: alice\n', '- id: alice\n    active: false\n'));
    running.child.kill('SIGHUP');
    await settles(async () => (await alice.whoAmI()) === null, 'alice is out');
    expect(await bob.whoAmI()).toBe('bob');
  });

  /** Everything that a stream of changes says, read from the socket. */
  async function listen(visitor: Visitor) {
    const socket = connect(address.port, '127.0.0.1');
    let text = '';
    socket.on('data', (data) => {
      text += data.toString();
    });
    const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    socket.write(
      `GET /api/workspace/changes HTTP/1.1\r\nHost: ${address.publicUrl.host}\r\nCookie: ${cookie}\r\n\r\n`,
    );
    await settles(async () => text.includes(': open'), 'the stream is open');
    return { heard: () => text, stop: () => socket.destroy() };
  }
});
