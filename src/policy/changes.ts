/** What a load or reload records, and what operators are shown of it. */
import type { Json } from '../model/request.ts';
import type { LoadedPolicies, PolicyFile } from './types.ts';

export type PolicyChanges = {
  changed: boolean;
  added: string[];
  removed: string[];
  altered: string[];
  /** Line diff of every changed file, `+` and `-` first, each file under its path; for people. */
  diff: string[];
};

/** What differs from `before`; everything is added when there was nothing. */
export function policyChanges(before: LoadedPolicies | null, after: LoadedPolicies): PolicyChanges {
  const old = before?.policies ?? new Map();
  const ids = [...after.policies.keys()];
  const paths = new Set([...(before?.files ?? []), ...after.files].map((file) => file.path));
  return {
    changed: before?.digest !== after.digest,
    added: ids.filter((id) => !old.has(id)),
    removed: [...old.keys()].filter((id) => !after.policies.has(id)),
    altered: ids.filter((id) => old.has(id) && old.get(id)?.text !== after.policies.get(id)?.text),
    diff: [...paths]
      .sort()
      .flatMap((path) => fileDiff(path, find(before?.files, path), find(after.files, path))),
  };
}

/** The data of a `policy.loaded` entry: every text in force, so that an old decision can be asked again. */
export function policyEntry(before: LoadedPolicies | null, after: LoadedPolicies): Record<string, Json> {
  const { added, removed, altered } = policyChanges(before, after);
  return {
    digest: after.digest,
    previous: before?.digest ?? null,
    files: after.files.map((file) => ({ ...file })),
    added,
    removed,
    altered,
    warnings: [...after.warnings],
  };
}

/** Lines of both texts, the common ones left out; a longest common subsequence keeps it short. */
export function lineDiff(before: readonly string[], after: readonly string[]): string[] {
  const common = Array.from({ length: before.length + 1 }, () => new Uint32Array(after.length + 1));
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      common[i]![j] =
        before[i] === after[j]
          ? common[i + 1]![j + 1]! + 1
          : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
    }
  }
  const lines: string[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      i++;
      j++;
    } else if (j >= after.length || (i < before.length && common[i + 1]![j]! >= common[i]![j + 1]!)) {
      lines.push(`- ${before[i++]}`);
    } else lines.push(`+ ${after[j++]}`);
  }
  return lines;
}

function fileDiff(path: string, before: PolicyFile | undefined, after: PolicyFile | undefined): string[] {
  if (before?.sha256 === after?.sha256) return [];
  return [path, ...lineDiff(toLines(before), toLines(after))];
}

function toLines(file: PolicyFile | undefined): string[] {
  return file === undefined ? [] : file.text.replace(/\n$/, '').split('\n');
}

function find(files: readonly PolicyFile[] | undefined, path: string): PolicyFile | undefined {
  return files?.find((file) => file.path === path);
}
