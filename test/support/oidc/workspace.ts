/** The workspace with sign-in on a free port of loopback, with a real directory file and a clock that a test moves. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { createWebAdapter } from '../../../adapters/web/router.ts';
import { createProvider } from '../../../adapters/web/sign-in/provider.ts';
import { createSessions } from '../../../adapters/web/sign-in/sessions.ts';
import { fileDirectory } from '../../../src/directory/file.ts';
import type { AccountLinking } from '../../../src/model/links.ts';
import type { Account } from '../../../src/model/principal.ts';
import type { Database } from '../../../src/store/database.ts';
import { WebAssistant } from '../web-assistant.ts';
import { CLIENT } from './provider.ts';

export type Listed = { id: string; subject: string; active?: boolean };

/** Knows people as a directory file links them, by issuer and subject. */
class LinkedAssistant extends WebAssistant {
  private readonly identified: (account: Account) => ReturnType<WebAssistant['identify']>;
  constructor(identified: LinkedAssistant['identified']) {
    super();
    this.identified = identified;
  }
  override identify(account: Account) {
    return this.identified(account);
  }
}

const yamlOf = (issuer: string, people: Listed[]): string =>
  JSON.stringify({
    groups: { employees: { title: 'Everybody', contact: 'the people team' } },
    people: people.map(({ id, subject, active = true }) => ({
      id,
      name: `${id[0]?.toUpperCase()}${id.slice(1)} of the tests`,
      groups: ['employees'],
      active,
      accounts: [{ platform: 'web', issuer, subject }],
    })),
  });

export type Workspace = Awaited<ReturnType<typeof serveWorkspace>>;

/** `publicUrl`: as browsers see us; the server's own address unless given. */
export async function serveWorkspace(options: {
  db: Database;
  issuer: string;
  people: Listed[];
  publicUrl?: string;
  clientFolder?: string;
  linking?: AccountLinking;
}) {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-oidc-'));
  const file = join(folder, 'people.yaml');
  const write = (people: Listed[]) => {
    writeFileSync(file, yamlOf(options.issuer, people));
    chmodSync(file, 0o600);
  };
  write(options.people);
  const directory = fileDirectory(file, { production: false });
  const assistant = new LinkedAssistant((account) => directory.identify(account) as never);

  const app = express();
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const publicUrl = new URL(options.publicUrl ?? `http://localhost:${port}`);

  let ahead = 0;
  const now = () => new Date(Date.now() + ahead);
  const warnings: object[] = [];
  app.use(
    createWebAdapter({
      assistant,
      mode: {
        kind: 'signed-in',
        ...(options.linking === undefined ? {} : { linking: options.linking }),
        signIn: {
          publicUrl,
          provider: createProvider({ ...CLIENT, issuer: new URL(options.issuer) }, now),
          sessions: createSessions(options.db, now),
          now,
          log: { warn: (fields) => warnings.push(fields) },
        },
      },
      publicUrl: publicUrl.href,
      port: () => port,
      clientFolder: options.clientFolder ?? '/nonexistent',
      log: { error: (fields) => warnings.push(fields) },
    }),
  );
  return {
    port,
    publicUrl,
    assistant,
    warnings,
    /** Moves the clock of sessions and sign-ins, in milliseconds. */
    pass: (ms: number) => {
      ahead += ms;
    },
    /** From now on these are the people. */
    list(people: Listed[]) {
      write(people);
      directory.reload();
    },
    close: async () => {
      rmSync(folder, { recursive: true });
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
