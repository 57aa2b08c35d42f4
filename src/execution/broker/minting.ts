/**
 * Tokens made on demand: for one door, for exactly what its action declares, and taken back when the door closes. What
 * may only read is given a token that can only read.
 */
import type { CredentialScope } from '../../action.ts';
import type { DoorSpec, MintedToken } from './call.ts';
import { type AppCredential, type Carried, headerOf } from './credential.ts';
import { type AppKey, findInstallation, isNotMade, issueToken, signJwt } from './github-app.ts';
import { EgressRefused } from './refusal.ts';
import { isPlainSegment } from './target.ts';
import { createShelf, type Made, type Shelf, takeBack } from './token-shelf.ts';
import type { Route } from './upstream.ts';

/** How long it is remembered where the app is installed; a change is noticed at once by the refusal it causes. */
const INSTALLATION_MS = 10 * 60_000;
/** Repositories remembered, at most. */
const MAX_INSTALLATIONS = 200;
/** Detail of a refusal: the app was not even asked. */
export const NOT_DECLARED = 'nothing declared';
const PERMISSION = /^[a-z][a-z_]{0,60}$/;

export type DoorMinting = {
  /** Throws `mint_refused`; the call itself has not left. */
  headersFor(call: { name: string; host: string }, app: AppCredential, route: Route): Promise<Carried>;
  /** GitHub did not take it: it serves no other door. */
  refused(): void;
  /** Takes back what was made, or leaves it to the next look. Never throws. */
  release(): Promise<void>;
};

type Installations = Map<string, { id: number; untilMs: number }>;

/** Every write becomes a read where the door lets no write out. */
function narrowed(scope: CredentialScope, phase: DoorSpec['phase']): CredentialScope {
  if (phase === 'full') return scope;
  const permissions = Object.keys(scope.permissions).map((name) => [name, 'read'] as const);
  return { ...scope, permissions: Object.fromEntries(permissions) };
}

/** What the action declares for these values; null where it declares nothing that a token could be made for. */
function scopeOf({ minting, values, phase }: Pick<DoorSpec, 'minting' | 'values' | 'phase'>) {
  let scope: CredentialScope | null;
  try {
    scope = minting?.scope(values) ?? null;
  } catch {
    // The author's function met values that it was not made for: nothing is declared by it.
    return null;
  }
  if (scope === null) return null;
  const { repository, permissions } = scope;
  const isPlain = isPlainSegment(repository.owner) && isPlainSegment(repository.repo);
  const levels = Object.entries(permissions);
  const areKnown = levels.every(
    ([name, level]) => PERMISSION.test(name) && (level === 'read' || level === 'write'),
  );
  return isPlain && areKnown && levels.length > 0 ? narrowed(scope, phase) : null;
}

export function createMinting(options: { idleMs?: number } = {}) {
  const installations: Installations = new Map();
  const shelf = createShelf(options.idleMs);
  return {
    open: (spec: DoorSpec): DoorMinting => openMinting(installations, shelf, spec),
    /** Takes back what is kept for a look that will not come. */
    close: () => shelf.close(),
  };
}

function openMinting(installations: Installations, shelf: Shelf, spec: DoorSpec): DoorMinting {
  const made = new Map<string, Made>();
  let isRefused = false;
  // What may write is never shared.
  const sharedBy = spec.phase === 'read-only' ? (spec.minting?.sharedBy ?? null) : null;
  const shelfKey = (name: string, host: string, scope: CredentialScope | null) =>
    JSON.stringify([sharedBy, name, host, scope]);

  async function mint(name: string, host: string, app: AppKey, route: Route): Promise<Made> {
    const scope = scopeOf(spec);
    const { minting } = spec;
    if (scope === null || !minting) throw new EgressRefused('mint_refused', NOT_DECLARED);
    const kept = sharedBy === null ? null : shelf.take(shelfKey(name, host, scope));
    if (kept !== null) {
      made.set(`${name} ${host}`, kept);
      return kept;
    }
    const jwt = signJwt(app, Date.now());
    const known = { host, appId: app.appId, repository: scope.repository };
    const installation = await installationFor(installations, known, route, jwt);
    const repository = `${scope.repository.owner}/${scope.repository.repo}`;
    const id = await minting.expected({ name, host, repository, permissions: scope.permissions });
    const token = await issueToken(route, jwt, installation, scope).catch(async (error: unknown) => {
      installations.clear();
      if (isNotMade(error)) await minting.notMade(id);
      throw error;
    });
    const { permissions, expiresAt, exact } = token;
    const about: MintedToken = { name, host, repository, permissions, expiresAt, exact };
    const it = { id, about, token, jwt, route, madeMs: performance.now() };
    // From here on it is taken back, whatever else fails.
    made.set(`${name} ${host}`, it);
    await minting.minted(id, about, token.secret);
    return it;
  }

  return {
    async headersFor({ name, host }, app, route) {
      const { about, token, jwt } = made.get(`${name} ${host}`) ?? (await mint(name, host, app, route));
      if (!about.exact) throw new EgressRefused('mint_refused', 'not exactly what was asked for');
      const { headers, secrets } = headerOf(`Bearer ${token.secret}`);
      return { headers, secrets: [...secrets, `Bearer ${jwt}`] };
    },
    refused() {
      isRefused = true;
    },
    async release() {
      const all = [...made.values()];
      made.clear();
      await Promise.all(
        all.map(async (it) => {
          if (!spec.minting) return;
          const { name, host, exact } = it.about;
          await (sharedBy === null || isRefused || !exact
            ? takeBack(it, spec.minting)
            : shelf.put(shelfKey(name, host, scopeOf(spec)), it, spec.minting));
        }),
      );
    },
  };
}

async function installationFor(
  installations: Installations,
  { host, appId, repository }: { host: string; appId: string; repository: CredentialScope['repository'] },
  route: Route,
  jwt: string,
): Promise<number> {
  const key = `${appId} ${host} ${repository.owner}/${repository.repo}`;
  const known = installations.get(key);
  if (known && performance.now() < known.untilMs) return known.id;
  const id = await findInstallation(route, jwt, repository);
  if (installations.size >= MAX_INSTALLATIONS) installations.clear();
  installations.set(key, { id, untilMs: performance.now() + INSTALLATION_MS });
  return id;
}
