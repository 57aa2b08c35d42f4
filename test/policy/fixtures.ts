import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { ACTIONS } from '../../actions/catalogue.ts';
import type { PolicyContext } from '../../src/model/decision.ts';
import { PrincipalId } from '../../src/model/ids.ts';
import type { Resource } from '../../src/model/request.ts';
import { createPolicy } from '../../src/policy/decide.ts';
import { loadPolicies } from '../../src/policy/load.ts';
import type { Person } from '../../src/policy/question.ts';
import type { CatalogueEntry, PolicyGroup } from '../../src/policy/types.ts';

export const SHIPPED = join(import.meta.dirname, '../../policies');

export const CATALOGUE: readonly CatalogueEntry[] = ACTIONS.map(({ name, effect, resourceType }) => ({
  name,
  effect,
  resourceTypes: [resourceType],
}));
export const GROUPS: readonly PolicyGroup[] = [
  'employees',
  'engineers',
  'oncall',
  'operators',
  'security',
].map((id) => ({ id, title: id.toUpperCase(), contact: `${id}@example.com` }));

export function person(id: string, ...groups: string[]): Person {
  return { id: PrincipalId.parse(id), name: id.charAt(0).toUpperCase() + id.slice(1), groups };
}
export const alice = person('alice', 'employees', 'engineers');
export const bob = person('bob', 'employees', 'engineers', 'oncall');
export const carol = person('carol', 'employees', 'engineers', 'oncall');
export const dave = person('dave', 'employees');
export const erin = person('erin', 'employees', 'operators');
export const PEOPLE = [alice, bob, carol, dave, erin];

export const QUEUE: Resource = { type: 'TicketQueue', id: 'desk', attributes: { connector: 'desk' } };
export const CHECKS = job('checks', 'test');
export const RELEASE = job('release', 'production');
export function job(name: string, environment: string): Resource {
  const attributes = { connector: 'runner', repository: 'web', environment, job: name };
  return { type: 'Job', id: `web/${name}`, attributes };
}
/** An ordinary morning. */
export const MONDAY = { now: '2026-01-05T10:00:00.000Z', weekday: 1, hour: 10 };
export function context(changes: Partial<PolicyContext> = {}): PolicyContext {
  return { killed: false, tainted: false, risk: 'low', connector: 'desk', time: MONDAY, ...changes };
}

const made: string[] = [];
afterAll(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true });
});

/** A folder of rules that lives as long as the test file: the shipped schema and these files. */
export function folderOf(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'policies-'));
  made.push(folder);
  cpSync(join(SHIPPED, 'schema.cedarschema'), join(folder, 'schema.cedarschema'));
  chmodSync(join(folder, 'schema.cedarschema'), 0o644);
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), 0o644);
  }
  return folder;
}
export function load(folder: string, production = false, catalogue = CATALOGUE) {
  return loadPolicies({
    folder,
    catalogue,
    groups: GROUPS,
    people: PEOPLE.map((one) => one.id),
    production,
  });
}
export const shipped = () => createPolicy(load(SHIPPED), () => PEOPLE);
/** Rules written for one test, over the shipped schema. */
export const rules = (text: string) => createPolicy(load(folderOf({ 'rules.cedar': text })), () => PEOPLE);

let unique = 0;
/** One permit of a write, with whatever annotations and condition a test is about. */
export function permit(action: string, annotations: string, condition = '', group = 'employees'): string {
  unique += 1;
  const when = condition === '' ? '' : ` when { ${condition} }`;
  return `@id("rule-${unique}") @description("Rule ${unique}.") ${annotations}
permit (principal in Group::"${group}", action == Action::"${action}", resource)${when};\n`;
}
