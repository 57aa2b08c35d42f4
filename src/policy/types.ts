/** What the loader hands to the rest of the room: policies as read, checked and ready to be asked. */
import type { Effect } from '../model/request.ts';
import type { Asked } from './annotations.ts';

/** One governed action as policy needs to know it. */
export type CatalogueEntry = {
  name: string;
  effect: Effect;
  /** Null: nobody knows yet, for one that is not served. */
  resourceTypes: readonly string[] | null;
  /** No connector serves it here: the rules may speak of it, and need not. */
  unserved?: boolean;
};

/** A group of the directory; title and contact are shown to whoever is denied. */
export type PolicyGroup = { id: string; title: string; contact: string };

/** A file as it was read: what the `policy.loaded` entry records. `path` is relative to the folder. */
export type PolicyFile = { path: string; sha256: string; text: string };

/** Whom a policy's head names. `anybody`: the head does not say; conditions may still. */
export type PrincipalScope =
  | { kind: 'anybody' }
  | { kind: 'group'; group: string }
  | { kind: 'person'; person: string }
  /** A head of another type than Person or Group: it names nobody. */
  | { kind: 'nobody' };

export type Policy = {
  id: string;
  effect: 'permit' | 'forbid';
  description: string;
  /** Why, in words; every forbid has one. */
  reason: string | null;
  asked: Asked;
  /** The Cedar actions that it can ever apply to. */
  actions: readonly string[];
  /** Whom its head names. */
  scope: PrincipalScope;
  file: string;
  /** Of its first annotation; the first line is 1. */
  line: number;
  text: string;
};

export type LoadedPolicies = {
  folder: string;
  /** SHA-256 (hex) over paths and texts of all files, the built-in rules included. */
  digest: string;
  files: readonly PolicyFile[];
  /** The schema's text. */
  schema: string;
  policies: ReadonlyMap<string, Policy>;
  catalogue: ReadonlyMap<string, CatalogueEntry>;
  groups: ReadonlyMap<string, PolicyGroup>;
  /** Attributes that the schema declares for the resource of `approve`. */
  requestAttributes: ReadonlySet<string>;
  /** By action: the facts that the schema declares. */
  contextAttributes: ReadonlyMap<string, ReadonlySet<string>>;
  /** What does not refuse the start but should be read. */
  warnings: readonly string[];
};
