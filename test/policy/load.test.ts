import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { loadPolicies } from '../../src/policy/load.ts';
import { lineAtByte, splitStatements } from '../../src/policy/statements.ts';
import { CATALOGUE, folderOf, GROUPS, load, permit, SHIPPED } from './fixtures.ts';

/** The first line is a comment, so that a refusal which forgets to count says 1. */
const FILE = 'planted.cedar';
function refusal(text: string): string {
  const folder = folderOf({ [FILE]: `// é; "planted"\n${text}` });
  return message(() => load(folder)).replace(`${folder}/`, '');
}
function message(attempt: () => unknown): string {
  try {
    attempt();
  } catch (error) {
    if (error instanceof AppError && error.code === 'policy_invalid') return error.message;
    throw error;
  }
  return 'accepted';
}
const head = '@id("x") @description("X.")';
const CREATE = 'permit (principal in Group::"employees", action == Action::"ticket.create", resource)';
const STATUS = 'permit (principal in Group::"employees", action == Action::"ticket.status", resource)';

describe('the shipped folder', () => {
  it('loads without a warning', () => {
    const loaded = load(SHIPPED);
    expect(loaded.warnings).toEqual([]);
    expect(loaded.policies.get('engineers-trigger-production-ci')).toMatchObject({
      effect: 'permit',
      actions: ['ci.trigger'],
      scope: { kind: 'group', group: 'engineers' },
      file: join(SHIPPED, 'ci.cedar'),
      line: 7,
      asked: { approval: { kind: 'group', group: 'oncall' }, quorum: 2, isolation: 'kernel-lite' },
    });
  });
  it('says how each file read, built-in rules included', () => {
    expect(load(SHIPPED).files.map((file) => file.path)).toEqual([
      'schema.cedarschema',
      '(built in)',
      'access.cedar',
      'approval.cedar',
      'ci.cedar',
      'deployments.cedar',
      'incidents.cedar',
      'operators.cedar',
      'runbooks.cedar',
      'tickets.cedar',
    ]);
  });
});

describe('a planted policy is refused with file, line and reason', () => {
  it.each([
    ['a syntax error', `${head}\npermit (principal, action resource);`, 3, 'unexpected token'],
    ['an unfinished statement', `${head}\n${STATUS}`, 3, 'unexpected end of input'],
    [
      'an attribute that does not exist',
      `${head}\n${STATUS}\nwhen { resource.nowhere == "x" };`,
      4,
      'attribute `nowhere`',
    ],
    [
      'a comparison of different types',
      `${head}\n${STATUS}\nwhen { context.risk == 3 };`,
      4,
      'not compatible',
    ],
    [
      'an action that does not exist',
      `${head}\n${STATUS.replace('ticket.status', 'ticket.stauts')};`,
      3,
      'ticket.stauts',
    ],
    [
      'a misspelt action that asks for approval',
      `${head} @approval("oncall")\n${CREATE.replace('create', 'crate')};`,
      3,
      'ticket.crate',
    ],
    ['an entity type that does not exist', `${head}\n${STATUS.replace('Group', 'Grupe')};`, 3, 'Grupe'],
    ['a condition that can never hold', `${head}\n${STATUS}\nwhen { false };`, 2, 'impossible'],
    [
      'a template',
      `${head}\npermit (principal == ?principal, action == Action::"ticket.status", resource);`,
      3,
      'template',
    ],
    [
      'a write without @approval',
      `${head}\n${CREATE};`,
      2,
      'permits the write "ticket.create" and so must declare @approval',
    ],
    [
      'everything for everybody',
      `${head}\npermit (principal, action, resource);`,
      2,
      'must declare @approval',
    ],
    [
      'a write among reads',
      `${head}\n${STATUS.replace('== Action::"ticket.status"', 'in [Action::"ticket.status", Action::"ticket.comment"]')};`,
      2,
      '"ticket.comment"',
    ],
    ['an unknown annotation', `${head} @aproval("none")\n${CREATE};`, 2, 'unknown annotation @aproval'],
    ['an annotation twice', `${head} @id("y")\n${STATUS};`, 2, 'duplicate annotation'],
    [
      'a group that does not exist in @approval',
      `${head} @approval("on-call")\n${CREATE};`,
      2,
      'no group of the directory',
    ],
    ['an empty @approval', `${head} @approval\n${CREATE};`, 2, 'no group of the directory'],
    [
      'a group that does not exist in the head',
      `${head}\n${STATUS.replace('employees', 'staff')};`,
      2,
      'the group "staff"',
    ],
    [
      'a group that does not exist in a condition',
      `${head}\n${STATUS} when { principal in Group::"staff" };`,
      2,
      'the group "staff"',
    ],
    ['a quorum of none', `${head} @approval("oncall") @quorum("0")\n${CREATE};`, 2, '@quorum is "1" to "9"'],
    ['a quorum of ten', `${head} @approval("oncall") @quorum("10")\n${CREATE};`, 2, '@quorum is "1" to "9"'],
    [
      'a quorum of nobody',
      `${head} @approval("none") @quorum("2")\n${CREATE};`,
      2,
      '@quorum needs @approval with a group',
    ],
    ['another step-up', `${head} @approval("none") @stepup("sms")\n${CREATE};`, 2, '@stepup is "passkey"'],
    ['no time', `${head} @approval("none") @expires("soon")\n${CREATE};`, 2, '@expires is a time'],
    ['no time at all', `${head} @approval("none") @expires("0m")\n${CREATE};`, 2, '@expires is a time'],
    ['a time beyond a week', `${head} @approval("none") @expires("8d")\n${CREATE};`, 2, '@expires is a time'],
    ['no isolation', `${head} @approval("none") @isolation("none")\n${CREATE};`, 2, '@isolation is'],
    ['an approval of a read', `${head} @approval("oncall")\n${STATUS};`, 2, 'only writes are approved'],
    [
      'an expiry of approving',
      `${head} @expires("1h")\npermit (principal, action == Action::"approve", resource);`,
      2,
      'governed actions only',
    ],
    [
      'an obligation on a forbid',
      `${head} @reason("R.") @approval("oncall")\nforbid (principal, action == Action::"ticket.create", resource);`,
      2,
      'only a permit can',
    ],
    [
      'a forbid without @reason',
      `${head}\nforbid (principal, action == Action::"ticket.create", resource);`,
      2,
      'a forbid needs @reason',
    ],
    ['no @id', `@description("X.")\n${STATUS};`, 2, 'needs @id'],
    ['no @description', `@id("x")\n${STATUS};`, 2, 'needs @description'],
    ['an @id that is none', `@id("X 1") @description("X.")\n${STATUS};`, 2, '@id is lower-case'],
    ['an @id twice', `${head}\n${STATUS};\n${head}\n${STATUS};`, 4, 'taken by'],
    [
      'an environment that does not exist',
      `${head} @approval("none")\n${CREATE.replace('ticket.create', 'ci.trigger')} when { resource.environment != "prod" };`,
      2,
      '"prod" is no environment',
    ],
    [
      'a risk that does not exist, in a set',
      `${head}\n${STATUS} when { ["low", "none"].contains(context.risk) };`,
      2,
      '"none" is no risk',
    ],
    [
      'an action that does not exist, in a rule about approving',
      `${head}\npermit (principal, action == Action::"approve", resource) when { "ci.run" == resource.action };`,
      2,
      '"ci.run" is no action',
    ],
    [
      'look-alike letters',
      `${head}\n${STATUS} when { context.connector == "d\u0435sk" };`,
      3,
      'mixed scripts',
    ],
  ])('%s', (_name, text, line, reason) => {
    const found = refusal(text);
    expect(found).toContain(`${FILE}:${line}: `);
    expect(found).toContain(reason);
  });
});

test('an action that nothing serves may stand in the schema, and may be missing there', () => {
  const dormant = { name: 'vm.start', effect: 'write', resourceTypes: ['System'], unserved: true } as const;
  const text = readFileSync(join(SHIPPED, 'schema.cedarschema'), 'utf8');
  const folder = folderOf({});
  expect(load(folder, false, [...CATALOGUE, dormant]).catalogue.has('vm.start')).toBe(false);
  const named = `${text}\naction "vm.start" appliesTo { principal: Person, resource: System, context: Facts };`;
  writeFileSync(join(folder, 'schema.cedarschema'), named);
  const loaded = load(folder, false, [...CATALOGUE, dormant]);
  expect(loaded.catalogue.has('vm.start')).toBe(true);
  expect(loaded.warnings.join(' ')).not.toContain('vm.start');
});

describe('the schema is refused where it differs from the catalogue', () => {
  const text = readFileSync(join(SHIPPED, 'schema.cedarschema'), 'utf8');
  const withSchema = (schema: string) => {
    const folder = folderOf({});
    writeFileSync(join(folder, 'schema.cedarschema'), schema);
    return message(() => load(folder)).replace(`${folder}/`, '');
  };
  it.each([
    ['broken syntax', text.replace('entity System;', 'entty System;'), 'unexpected token'],
    [
      'one action more',
      `${text}\naction "vm.start" appliesTo { principal: Person, resource: System };`,
      '"vm.start" is not in the catalogue',
    ],
    [
      'one action less',
      text.replace(/action "ci.status".*\n/, ''),
      'the action "ci.status" of the catalogue is missing',
    ],
    [
      'another resource',
      text.replace('resource: CiRun', 'resource: Job'),
      '"ci.status" applies to CiRun, the schema says Job',
    ],
    [
      'another principal',
      text.replace(
        'action "ci.status" appliesTo { principal: Person',
        'action "ci.status" appliesTo { principal: Group',
      ),
      'the principal of "ci.status" must be Person',
    ],
    ['a namespace', `namespace Ops { ${text} }`, 'no namespace'],
    [
      'no requester, which the built-in rule needs',
      text.replace('requester: Person,', ''),
      '(built in):11: ',
    ],
  ])('%s', (_name, schema, reason) => {
    expect(withSchema(schema)).toContain(reason);
  });
  it('names the line', () => {
    const line = text.split('\n').findIndex((one) => one.startsWith('entity System')) + 1;
    expect(withSchema(text.replace('entity System;', 'entty System;'))).toContain(
      `schema.cedarschema:${line}: `,
    );
  });
});

describe('what is not beyond trust is refused', () => {
  it('a file that others may write', () => {
    const folder = folderOf({ 'a.cedar': permit('ticket.create', '@approval("none")') });
    chmodSync(join(folder, 'a.cedar'), 0o646);
    expect(message(() => load(folder))).toContain('a.cedar: may be written by others');
  });
  it('a file that its group may write, in production only', () => {
    const folder = folderOf({ 'a.cedar': permit('ticket.create', '@approval("none")') });
    chmodSync(join(folder, 'a.cedar'), 0o664);
    expect(message(() => load(folder))).toBe('accepted');
    expect(message(() => load(folder, true))).toContain('a.cedar: may be written by its group');
  });
  it('a folder to which others may add a file, sticky or not', () => {
    const folder = folderOf({});
    chmodSync(folder, 0o1777);
    expect(message(() => load(folder))).toContain(`${folder}: may be written by others`);
  });
  it('a folder that does not exist', () => {
    const absent = {
      folder: '/nonexistent/policies',
      catalogue: CATALOGUE,
      groups: GROUPS,
      production: false,
    };
    expect(message(() => loadPolicies(absent))).toBe('/nonexistent/policies: does not exist');
  });
});

describe('what the start only warns of', () => {
  it('an action that nobody may use', () => {
    const { warnings } = load(folderOf({ 'a.cedar': permit('ticket.create', '@approval("none")') }));
    expect(warnings).toContain('No policy permits "ci.trigger": it is denied to everyone.');
    expect(warnings.join()).not.toContain('ticket.create');
  });
  it('a person who is not in the directory', () => {
    const { warnings } = load(
      folderOf({
        'a.cedar': `${head}\npermit (principal == Person::"zoe", action == Action::"ticket.status", resource);`,
      }),
    );
    expect(warnings[0]).toContain('a.cedar:1: "x" names zoe, who is not in the directory');
  });
});

describe('statements', () => {
  it('end at semicolons outside strings and comments, at the line of their first token', () => {
    const text = '// a; "b\n\n@id("a;\\"b") permit;\n// c\n  forbid; // d;\n';
    expect(splitStatements(text)).toEqual([
      { text: '@id("a;\\"b") permit;', line: 3 },
      { text: 'forbid;', line: 5 },
    ]);
  });
  it('are located by bytes, as Cedar counts', () => {
    expect(lineAtByte('é\nx', 3)).toBe(2);
    expect(lineAtByte('é\nx', 2)).toBe(1);
  });
});
