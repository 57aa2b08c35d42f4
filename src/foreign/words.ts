/** What an action says of itself, in words for the person who reviews it, and what its rules need. Pure. */
import type { Json, Resource, Risk } from '../model/request.ts';
import { cleanText } from '../screening/text.ts';
import type { Description } from './description.ts';
import { type DeclaredCall, effectOf } from './egress.ts';
import type { DeclaredUndo } from './undo.ts';

const SECONDS_PER_MINUTE = 60;
/** Cedar's names for the types of attributes. */
const CEDAR_TYPES: Readonly<Record<string, string>> = { string: 'String', boolean: 'Bool', number: 'Long' };

export function reviewInWords(description: Description, sha256: string): string {
  const { name, title, system, effect, risk, writes, idempotency, resource } = description;
  const credentials = [...new Set(description.egress.flatMap(({ credential }) => credential ?? []))];
  const lines = [
    `${name}: ${title}`,
    `  ${description.description}`,
    `  acts on       ${system}`,
    `  effect, risk  ${effect}, ${risk}${effect === 'write' ? `; at most ${writes} ${writes === 1 ? 'write' : 'writes'} a run; ${SENT_AGAIN[idempotency]}` : ''}`,
    `  resource      ${resource.type} ${JSON.stringify(resource.id)}${attributesOf(resource.attributes)}`,
    `  credential    ${credentials.length === 0 ? 'none' : `would like ${credentials.join(', ')}`}`,
    ...(description.undo === null ? [] : undoInWords(description.undo)),
    `  bundle        sha256 ${sha256}`,
    '  arguments',
    ...argumentsOf(description.input).map((text) => `    ${text}`),
    '  people may say',
    ...description.examples.map((text) => `    ${text}`),
    '  may ever send, each value from the digested request',
    ...(description.egress.length === 0 ? ['    nothing'] : description.egress.flatMap(callInWords)),
  ];
  // Each is one line as it really is: nothing in it may pass for another line of this page.
  return lines.map((text) => cleanText(text).replaceAll('\n', ' ')).join('\n');
}

const SENT_AGAIN: Readonly<Record<Description['idempotency'], string>> = {
  key: 'sent again after a crash, with its key',
  natural: 'sent again after a crash',
  none: 'never sent again',
};

/** What the policy to begin with is called, and its case sees decide. */
const policyIdOf = (name: string): string => `engineers-${name.replace('.', '-')}`;

/** The lines that the Cedar schema needs, and a policy to begin with. */
export function cedarFor({ name, effect, resource }: Description): string {
  const attributes = Object.entries(resource.attributes).map(
    ([attribute, value]) => `${attribute}: ${CEDAR_TYPES[typeof value]}`,
  );
  return [
    `entity ${resource.type} { ${['connector: String', ...attributes].join(', ')} };`,
    `action "${name}" appliesTo { principal: Person, resource: ${resource.type}, context: Facts };`,
    '',
    '// A policy to begin with, in a *.cedar file of the same folder:',
    `@id("${policyIdOf(name)}")`,
    `@description("Engineers may ask for ${name}.")`,
    ...(effect === 'write' ? ['@approval("none")'] : []),
    `permit (principal in Group::"engineers", action == Action::"${name}", resource);`,
  ].join('\n');
}

/** The case that `policy test` wants of that policy: `resource` as some arguments give it. */
export function caseFor(name: string, resource: Resource, risk: Risk): string {
  const context = { connector: resource.attributes.connector ?? '', risk };
  return [
    '# A case for it, in a *.yaml file of the folder tests beside it:',
    'people: { somebody: [engineers] }',
    'tests:',
    `  - name: an engineer asks for ${name}`,
    '    principal: somebody',
    `    action: ${name}`,
    // Its own words may be in it.
    `    resource: ${cleanText(JSON.stringify(resource))}`,
    `    context: ${JSON.stringify(context)}`,
    `    expect: { decision: allow, by: [${policyIdOf(name)}] }`,
  ].join('\n');
}

function undoInWords(undo: DeclaredUndo): string[] {
  const given = Object.entries(undo.arguments).map(
    ([name, template]) => `${name} = ${templateInWords(template)}`,
  );
  const minutes = Math.floor(undo.withinSeconds / SECONDS_PER_MINUTE);
  return [
    `  undo          by ${undo.action}${given.length === 0 ? '' : ` with ${given.join(', ')}`}`,
    `                offered to whoever asked for ${minutes} ${minutes === 1 ? 'minute' : 'minutes'} after it succeeded; a request of its own, which policy decides and ${given.length === 0 ? 'the press confirms' : 'they confirm'}`,
    '                {data.…} is what its own code answers',
  ];
}

function callInWords(call: DeclaredCall): string[] {
  const query = Object.entries(call.query).map(
    ([name, value]) => `${name}=${value === null ? 'anything' : templateInWords(value)}`,
  );
  const address = `https://${call.host}${call.path}${query.length === 0 ? '' : `?${query.join('&')}`}`;
  const headers = Object.entries(call.headers).map(
    ([name, value]) => `      ${name}: ${templateInWords(value)}`,
  );
  return [
    `    ${effectOf(call)}  ${call.method} ${address}${call.credential === null ? '' : `  (with ${call.credential})`}`,
    ...headers,
    ...(call.body === null ? [] : [`      ${templateInWords(call.body)}`]),
  ];
}

/** JSON with places in braces, as a path shows them. */
function templateInWords(template: Json): string {
  return JSON.stringify(template)
    .replace(/\{"\$fill":"([^"]+)"(?:,"or":(.*?))?\}/g, (_all, place: string, or?: string) =>
      or === undefined ? `{${place}}` : `{${place}, or ${or}}`,
    )
    .replace(/\{"\$text":(\[.*?\])\}/g, 'text $1');
}

function attributesOf(attributes: Description['resource']['attributes']): string {
  const all = Object.entries(attributes).map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
  return all.length === 0 ? '' : ` with ${all.join(', ')}`;
}

function argumentsOf(input: Json): string[] {
  const { properties = {}, required = [] } = input as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, schema]) => {
    const { title: _title, description: _description, ...rest } = schema as Record<string, Json>;
    return `${name}${required.includes(name) ? '' : ' (may be left out)'}  ${JSON.stringify(rest)}`;
  });
}
