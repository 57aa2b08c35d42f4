/** The hosts that connectors name: where each really is, and what may be read from elsewhere for it. */
import { readFileSync } from 'node:fs';
import { GITHUB_HOST } from '../credentials/grants.ts';
import { AppError } from '../errors.ts';
import type { ReadFile } from './file.ts';

/** By the host that connectors name: where it really is, and which private addresses are meant. */
export type UpstreamsConfig = Record<
  string,
  { baseUrl: string; addresses: string[]; ca?: string; files: readonly string[] }
>;

export const GITHUB_API = 'https://api.github.com';
/** Where GitHub keeps the logs of jobs (github.blog/changelog, "Meta API endpoints updated for Actions blob storage", 2026-10-22). */
const GITHUB_FILES = ['https://productionresultssa*.blob.core.windows.net'];

/** GitHub (`github` is its address) is reachable when there is a token for it; every other host when the operator's file names it. */
export function upstreamsOf(file: ReadFile, github: string | null): UpstreamsConfig {
  const named = Object.entries(file.value.upstreams).map(([host, it]) => {
    const baseUrl = it.base_url ?? (host === GITHUB_HOST && github !== null ? github : `https://${host}`);
    const ca = it.ca_file === undefined ? {} : { ca: readCertificate(file.path(it.ca_file)!) };
    return [host, { baseUrl, addresses: it.addresses, ...ca, files: it.files ?? filesOf(baseUrl) }] as const;
  });
  const all = Object.fromEntries(named);
  return github === null || GITHUB_HOST in all
    ? all
    : { ...all, [GITHUB_HOST]: { baseUrl: github, addresses: [], files: filesOf(github) } };
}

/** Where files of an upstream lie if the operator says nothing else. */
const filesOf = (baseUrl: string): readonly string[] =>
  new URL(baseUrl).origin === GITHUB_API ? GITHUB_FILES : [];

export function readCertificate(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new AppError('config_invalid', `upstreams: the certificate file ${path} cannot be read.`, {
      cause: error,
    });
  }
}
