/**
 * Which file imports which, read with a real parser, and judged against a table. Every way of naming another module
 * counts: static, type-only, dynamic, re-exported, `import('x').Type`, `require`. Pure over a map of files, so that the check
 * can be shown planted violations.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseSync } from 'vite';

/** Text of each source file by its path from the repository's root. */
export type Tree = ReadonlyMap<string, string>;

export type Room = {
  name: string;
  /** Files and folders (ending in `/`) that belong to it. The longest match decides. */
  holds: readonly string[];
  /** Other rooms that it may import; its own always. */
  mayImport: readonly string[] | 'anything';
  /** Of those, the ones from which nothing that exists at run time is taken. */
  typesOnly?: readonly string[];
  /** The only packages it may use, by name or `@scope/`; absent: any that no other rule forbids. */
  packages?: readonly string[];
};

export type Table = {
  rooms: readonly Room[];
  /** Packages that may be used in these places only. */
  packagesOnlyIn: Readonly<Record<string, readonly string[]>>;
  /** The only files that read `process.env`. */
  environmentReaders: readonly string[];
};

export type Import = { specifier: string | null; typeOnly: boolean };
export type Facts = { imports: Import[]; readsEnvironment: boolean };

type Node = { type: string; [key: string]: unknown };

const SOURCES = /\.(?:ts|tsx|mts|js|mjs)$/;
const SKIPPED = new Set(['node_modules', 'dist', '.build']);

/** The sources below these folders of `root`. */
export function readTree(root: string, folders: readonly string[]): Tree {
  const tree = new Map<string, string>();
  const walk = (folder: string): void => {
    for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
      const name = `${folder}/${entry.name}`;
      if (entry.isDirectory() && !SKIPPED.has(entry.name)) walk(name);
      else if (entry.isFile() && SOURCES.test(entry.name))
        tree.set(name, readFileSync(path.join(root, name), 'utf8'));
    }
  };
  for (const folder of folders) walk(folder);
  return tree;
}

/** What one file imports, and whether it reads the environment. Throws where the file cannot be parsed. */
export function factsOf(file: string, text: string): Facts {
  const { program, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file} cannot be parsed: ${errors[0]?.message}`);
  const facts: Facts = { imports: [], readsEnvironment: false };
  visit(program as unknown as Node, (node) => {
    const found = importOf(node);
    if (found) facts.imports.push(found);
    if (readsEnvironment(node)) facts.readsEnvironment = true;
  });
  return facts;
}

/** Everything that breaks the table, one sentence each; cycles included. */
export function violations(tree: Tree, table: Table): string[] {
  const found: string[] = [];
  const graph = new Map<string, string[]>();
  for (const [file, text] of tree) {
    const facts = factsOf(file, text);
    const edges: string[] = [];
    for (const { specifier, typeOnly } of facts.imports) {
      if (specifier === null) {
        found.push(`${file} imports something that only running it would tell`);
      } else if (specifier.startsWith('.')) {
        const target = path.posix.join(path.posix.dirname(file), specifier);
        if (tree.has(target)) edges.push(target);
        found.push(...judgeFile(file, target, typeOnly, table));
      } else if (!specifier.startsWith('node:')) {
        found.push(...judgePackage(file, specifier, table));
      }
    }
    graph.set(file, edges);
    if (facts.readsEnvironment && !table.environmentReaders.includes(file))
      found.push(`${file} reads process.env`);
  }
  return [...found, ...cyclesOf(graph).map((cycle) => `import cycle: ${cycle.join(' -> ')}`)];
}

function roomOf(file: string, table: Table): Room | null {
  let best: { room: Room; length: number } | null = null;
  for (const room of table.rooms) {
    for (const place of room.holds) {
      const isThere = place.endsWith('/') ? file.startsWith(place) : file === place;
      if (isThere && place.length > (best?.length ?? 0)) best = { room, length: place.length };
    }
  }
  return best?.room ?? null;
}

function judgeFile(file: string, target: string, typeOnly: boolean, table: Table): string[] {
  const room = roomOf(file, table);
  if (!room) return [`${file} belongs to no room of the table`];
  const other = roomOf(target, table);
  if (!other) return [`${file} imports ${target}, which belongs to no room of the table`];
  if (room.name === other.name || room.mayImport === 'anything') return [];
  if (!room.mayImport.includes(other.name))
    return [`${file} (${room.name}) imports ${target} (${other.name})`];
  return room.typesOnly?.includes(other.name) && !typeOnly
    ? [`${file} imports more than types from ${target}`]
    : [];
}

function judgePackage(file: string, specifier: string, table: Table): string[] {
  const matches = (rule: string): boolean =>
    rule.endsWith('/') ? specifier.startsWith(rule) : specifier === rule || specifier.startsWith(`${rule}/`);
  const found: string[] = [];
  const allowed = roomOf(file, table)?.packages;
  if (allowed && !allowed.some(matches)) found.push(`${file} uses the package ${specifier}`);
  for (const [rule, places] of Object.entries(table.packagesOnlyIn)) {
    if (!matches(rule) || places.some((place) => file.startsWith(place))) continue;
    found.push(`${file} uses the package ${specifier}, which belongs to ${places.join(', ')}`);
  }
  return found;
}

function visit(node: Node, see: (node: Node) => void): void {
  see(node);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child === 'object' && child !== null && typeof child.type === 'string') visit(child, see);
    }
  }
}

const literal = (node: unknown): string | null => {
  const value = (node as Node | null)?.value;
  return typeof value === 'string' ? value : null;
};

function importOf(node: Node): Import | null {
  switch (node.type) {
    case 'ImportDeclaration':
      return { specifier: literal(node.source), typeOnly: node.importKind === 'type' };
    case 'ExportAllDeclaration':
      return { specifier: literal(node.source), typeOnly: node.exportKind === 'type' };
    case 'ExportNamedDeclaration':
      return node.source ? { specifier: literal(node.source), typeOnly: node.exportKind === 'type' } : null;
    case 'ImportExpression':
      return { specifier: literal(node.source), typeOnly: false };
    case 'TSImportType':
      return { specifier: literal(node.source), typeOnly: true };
    case 'TSExternalModuleReference':
      return { specifier: literal(node.expression), typeOnly: false };
    case 'CallExpression':
      return (node.callee as Node).name === 'require'
        ? { specifier: literal((node.arguments as unknown[])[0]), typeOnly: false }
        : null;
    default:
      return null;
  }
}

/** `process.env`, `globalThis.process.env`, `process['env']`, `const { env } = process`, `import { env } from 'node:process'`. */
function readsEnvironment(node: Node): boolean {
  const nameOf = (it: unknown): unknown => (it as Node | null)?.name ?? literal(it);
  const isProcess = (it: unknown): boolean =>
    nameOf(it) === 'process' || nameOf((it as Node | null)?.property) === 'process';
  if (node.type === 'MemberExpression') return nameOf(node.property) === 'env' && isProcess(node.object);
  if (
    node.type === 'VariableDeclarator' &&
    (node.id as Node).type === 'ObjectPattern' &&
    isProcess(node.init)
  ) {
    return ((node.id as Node).properties as Node[]).some(
      (it) => it.type === 'RestElement' || nameOf(it.key) === 'env',
    );
  }
  if (node.type === 'ImportDeclaration' && /^(?:node:)?process$/.test(literal(node.source) ?? '')) {
    return (node.specifiers as Node[]).some((it) => nameOf(it.imported) === 'env');
  }
  return false;
}

/** Tarjan's strongly connected components with more than one file, or a file that imports itself. */
function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const connect = (file: string): void => {
    order.set(file, order.size);
    low.set(file, order.get(file)!);
    stack.push(file);
    for (const next of graph.get(file) ?? []) {
      if (!order.has(next)) connect(next);
      if (stack.includes(next)) low.set(file, Math.min(low.get(file)!, low.get(next)!));
    }
    if (low.get(file) !== order.get(file)) return;
    const component = stack.splice(stack.indexOf(file));
    if (component.length > 1 || graph.get(file)?.includes(file)) found.push(component);
  };
  for (const file of graph.keys()) if (!order.has(file)) connect(file);
  return found;
}
