/** The database and what stands in it: roles, schema, clock, audit log. */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHECKPOINT_FILE, readCheckpointFile } from '../../audit/checkpoint-file.ts';
import { loadHead } from '../../audit/head.ts';
import { type AuditKeys, loadKeys } from '../../audit/keys.ts';
import { openCheckpoint } from '../../audit/note.ts';
import type { Config } from '../../config.ts';
import { AppError } from '../../errors.ts';
import { tokensLeft } from '../../execution/minted-tokens.ts';
import { type DatabaseAccess, reachDatabase } from '../../storage.ts';
import type { Database } from '../../store/database.ts';
import { layoutOf } from '../../store/embedded/folder.ts';
import { resetLocalData, startEmbedded } from '../../store/embedded.ts';
import { pendingMigrations } from '../../store/migrate.ts';
import { openDatabase } from '../../store/postgres.ts';
import { opened, untilEnded } from '../ending.ts';
import { bad, type Finding, looking, note, ok } from './finding.ts';
import { isAssistant } from './machine.ts';
import { lookAtPlaces } from './places.ts';

const LEAST_VERSION = 15;
/** Expiry is by the database's clock and what people see by ours: seconds do not matter, a minute confuses. */
const SKEW_NOTED_MS = 5_000;
const SKEW_BAD_MS = 60_000;
/** Far beyond what a batch takes. */
const SEQUENCED_WITHIN_MS = 10_000;

export async function lookAtDatabase(config: Config): Promise<Finding[]> {
  if (config.database === null && (await isMissing(layoutOf(config.dataFolder).cluster)))
    return tryEmbedded(config);
  const access = await opened(reachDatabase(config, () => undefined));
  return untilEnded(access.stop, async () => {
    const options = access.role === undefined ? {} : { role: access.role };
    const db = openDatabase({ url: access.url, ...options, onError: () => undefined });
    return untilEnded(db.close, () => lookInside(config, access, db));
  });
}

const isMissing = async (path: string): Promise<boolean> => (await stat(path).catch(() => null)) === null;

/** Nothing is there yet, and nothing is to be left behind by a look: whether it runs here is tried elsewhere. */
async function tryEmbedded({ dataFolder }: Config): Promise<Finding[]> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-doctor-'));
  const remove = async (): Promise<void> => {
    await resetLocalData(folder);
    await rm(folder, { recursive: true, force: true });
  };
  return untilEnded(remove, async () => {
    const server = await opened(startEmbedded({ dataFolder: folder, log: () => undefined }));
    return untilEnded(server.stop, async () => [
      note('database', `embedded PostgreSQL runs here; the first start makes one in ${dataFolder}`),
    ]);
  });
}

async function lookInside(config: Config, access: DatabaseAccess, db: Database): Promise<Finding[]> {
  const findings = await lookAtServer(config, access);
  if (findings.some(({ state }) => state === 'bad')) return findings;
  findings.push(...(await looking('clock', () => lookAtClock(db))));
  const schema = await looking('schema', () => lookAtSchema(access, db));
  findings.push(...schema);
  if (schema.some(({ state }) => state !== 'ok')) return findings;
  findings.push(...(await looking('audit log', () => lookAtLog(config, db))));
  findings.push(...(await looking('tokens', () => lookAtTokens(db))));
  return [...findings, ...(await looking('places', () => lookAtPlaces(config, db)))];
}

/** Each that may still open something; where there is none, nothing is said. */
async function lookAtTokens(db: Database): Promise<Finding[]> {
  const left = await tokensLeft(db);
  return left.map(({ name, repository, permissions, expiresAt }) => {
    const rights = Object.entries(permissions).map(([of, level]) => `${of}: ${level}`);
    return bad(
      'tokens',
      `a token of ${name} for ${repository} (${rights.join(', ')}) was left behind, and may be good until ${expiresAt.toISOString()}`,
      'The assistant takes it back while it runs, where it knows it; docs/operator.md, "Tokens that were left behind".',
    );
  });
}

async function lookAtSchema(access: DatabaseAccess, db: Database): Promise<Finding[]> {
  const pending = await pendingMigrations(db);
  if (pending.length === 0) return [ok('schema', 'up to date')];
  const what = `${pending.length} migration(s) have not run`;
  const mend = 'npx countersign migrate';
  return [
    access.embedded
      ? note('schema', what, `The next start runs them, or: ${mend}`)
      : bad('schema', what, mend),
  ];
}

type Login = {
  version: number;
  login: string;
  superuser: boolean;
  owns: boolean;
};

/** Asked as the login itself, without the role that our connections take. */
async function lookAtServer(config: Config, access: DatabaseAccess): Promise<Finding[]> {
  const plain = openDatabase({ url: access.url, max: 1, onError: () => undefined });
  return untilEnded(plain.close, async () => {
    const { version, login, superuser, owns } = await plain.one<Login>(
      `select current_setting('server_version_num')::int / 10000 as version, session_user::text as login,
         (select rolsuper or rolbypassrls from pg_roles where rolname = session_user) as superuser,
         coalesce((select pg_has_role(session_user, c.relowner, 'member') from pg_class c
           where c.oid = to_regclass('public.audit_entries')), false) as owns`,
    );
    const where = access.embedded ? 'embedded PostgreSQL' : 'PostgreSQL';
    const findings: Finding[] = [
      version >= LEAST_VERSION
        ? ok('database', `${where} ${version} answers`)
        : bad('database', `${where} ${version}`, `PostgreSQL ${LEAST_VERSION} or newer is needed.`),
    ];
    if (config.database === null) return findings;
    const depth =
      'Give the application a login of its own, in the role countersign_app, and the owner in DATABASE_OWNER_URL.';
    if (superuser)
      findings.push(
        (config.production ? bad : note)(
          'roles',
          `DATABASE_URL logs in as ${login}, which may bypass row-level security: the audit log is not protected from it`,
          depth,
        ),
      );
    else if (config.database.ownerUrl === null)
      findings.push(
        note(
          'roles',
          `DATABASE_OWNER_URL is absent: ${login} ${owns ? 'owns' : 'must own'} the schema, and connections give that up by -c role=countersign_app, which is depth, not a boundary`,
          depth,
        ),
      );
    else if (owns)
      findings.push(
        (config.production ? bad : note)(
          'roles',
          `DATABASE_URL logs in as ${login}, which owns the schema`,
          depth,
        ),
      );
    else findings.push(ok('roles', `${login} may neither change the schema nor rewrite the audit log`));
    return findings;
  });
}

async function lookAtClock(db: Database): Promise<Finding[]> {
  const before = Date.now();
  const { now } = await db.one<{ now: Date }>('select clock_timestamp() as now');
  const middle = (before + Date.now()) / 2;
  const skew = Math.abs(now.getTime() - middle);
  const words = `the database's and this machine's differ by ${Math.round(skew)} ms`;
  if (skew < SKEW_NOTED_MS) return [ok('clock', words)];
  const mend = 'Let both follow the same time servers: requests expire by the database’s clock.';
  return [(skew < SKEW_BAD_MS ? note : bad)('clock', words, mend)];
}

async function lookAtLog(config: Config, db: Database): Promise<Finding[]> {
  const { entries } = await db.one<{ entries: number }>('select count(*) as entries from audit_entries');
  if (entries === 0) return [ok('audit log', 'empty')];
  const keys = await keysOf(config);
  if (keys === null)
    return [note('audit log', `${entries} entries; without the keys they cannot be checked`)];
  return [await lookAtHead(config, db, keys), await lookAtWaiting(config, db)];
}

/** What is wrong with the keys is a finding of its own. */
async function keysOf(config: Config): Promise<AuditKeys | null> {
  try {
    return await loadKeys({
      dataDir: config.dataFolder,
      masterKey: config.masterKey ?? undefined,
      signingKey: config.auditSigningKey ?? undefined,
      make: false,
    });
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

/** The leaves against the newest checkpoint here, and its size against the newest that left: quick, and not the whole. */
async function lookAtHead(config: Config, db: Database, { signer }: AuditKeys): Promise<Finding> {
  const mend = 'npx countersign audit verify names the place.';
  try {
    const notes = await readCheckpointFile(join(config.dataFolder, CHECKPOINT_FILE));
    const { frontier } = await loadHead(db, signer);
    const left = notes
      .map((text) => openCheckpoint(text, [signer]))
      .filter((opened) => opened.kind === 'good');
    const furthest = Math.max(0, ...left.map(({ checkpoint }) => checkpoint.size));
    if (furthest > frontier.size)
      return bad('audit log', `${frontier.size} entries here, ${furthest} in a checkpoint that left`, mend);
    return ok(
      'audit log',
      `${frontier.size} entries add up to the newest checkpoint; audit verify checks all of it`,
    );
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return bad('audit log', error.message, mend);
  }
}

/** Entries that wait for their place, and whether somebody is there to give it. */
async function lookAtWaiting({ host, port }: Config, db: Database): Promise<Finding> {
  const name = 'sequencer';
  const { waiting, oldest } = await db.one<{ waiting: number; oldest: string | null }>(
    `select count(*) as waiting, min(e.body::jsonb->>'time') as oldest from audit_entries e
     where not exists (select from audit_leaves l where l.entry_id = e.id)`,
  );
  if (oldest === null) return ok(name, 'every entry has its place');
  const age = Date.now() - Date.parse(oldest);
  if (age < SEQUENCED_WITHIN_MS) return ok(name, `${waiting} entries wait, none for long`);
  const what = `${waiting} entries wait for their place, the oldest for ${Math.round(age / 1000)} s`;
  return (await isAssistant(host, port))
    ? bad(name, what, 'The assistant’s log says what keeps it: code entry_rejected or log_inconsistent.')
    : note(name, what, 'The next start places them, or: npx countersign audit export > /dev/null');
}
