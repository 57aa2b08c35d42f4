/** The app package for Teams: the manifest with this installation's ids, and the icons. Pure but for its two reads. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ErrorObject } from 'ajv';
import ajvDraft04 from 'ajv-draft-04';
import { AppError } from '../../../src/errors.ts';
import { Guid } from '../payloads.ts';
import { colorIcon, outlineIcon } from './icons.ts';
import { zip } from './zip.ts';

/** Stands for an app that is not registered yet. */
export const NO_APP = '00000000-0000-0000-0000-000000000000';
/** Stands for an address that is not known yet. */
export const EXAMPLE = 'https://countersign.example.com';

type Manifest = Record<string, unknown> & { bots: Record<string, unknown>[]; manifestVersion: string };

export type PackageInput = { appId: string; publicUrl: string | null };

/**
 * The archive and its manifest.
 * @throws AppError `usage` for an id that is no GUID or an address that is not https; `config_invalid` when the
 * manifest does not fit Microsoft's schema, naming where.
 */
export function buildPackage({ appId, publicUrl }: PackageInput): { archive: Buffer; manifest: Manifest } {
  if (!Guid.safeParse(appId).success) throw new AppError('usage', 'MicrosoftAppId must be a GUID.');
  const manifest = manifestFor(appId.toLowerCase(), publicUrl);
  const problems = problemsOf(manifest);
  if (problems.length > 0) {
    throw new AppError(
      'config_invalid',
      `The Teams manifest does not fit its schema: ${problems.join('; ')}`,
    );
  }
  const archive = zip([
    { name: 'manifest.json', data: Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`, 'utf8') },
    { name: 'color.png', data: colorIcon() },
    { name: 'outline.png', data: outlineIcon() },
  ]);
  return { archive, manifest };
}

/** What Microsoft's own schema of that version says against a manifest. */
export function problemsOf(manifest: Record<string, unknown> & { manifestVersion: string }): string[] {
  const ajv = new ajvDraft04.default({ strict: false, allErrors: true, validateFormats: false });
  const validate = ajv.compile(schemaOf(manifest.manifestVersion));
  return validate(manifest) ? [] : (validate.errors ?? []).map(inWords);
}

function manifestFor(appId: string, publicUrl: string | null): Manifest {
  const template = readFileSync(new URL('./manifest.json', import.meta.url), 'utf8');
  const manifest = JSON.parse(template.replaceAll(EXAMPLE, originOf(publicUrl))) as Manifest;
  return { ...manifest, id: appId, bots: manifest.bots.map((bot) => ({ ...bot, botId: appId })) };
}

/** Teams takes https addresses only; without one, the example's stays, which is never opened by the app. */
function originOf(publicUrl: string | null): string {
  if (publicUrl === null) return EXAMPLE;
  const url = URL.parse(publicUrl);
  if (url?.protocol !== 'https:')
    throw new AppError('usage', 'PUBLIC_URL must be an https address for Teams.');
  return url.href.replace(/\/$/, '');
}

function schemaOf(version: string): object {
  const name = `@microsoft/app-manifest/build/json-schemas/teams/v${version}/MicrosoftTeams.schema.json`;
  const path = fileURLToPath(import.meta.resolve(name));
  return JSON.parse(readFileSync(path, 'utf8')) as object;
}

const inWords = ({ instancePath, message }: ErrorObject): string =>
  `${instancePath || '/'} ${message ?? ''}`.trim();
