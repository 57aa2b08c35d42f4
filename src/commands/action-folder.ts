/**
 * What a folder of actions needs besides them, so that editors and Node find `countersign/action` from there. Node looks for it in
 * `node_modules`, which npm empties of all that `package.json` does not name; and named there as what it is, npm would install
 * what we need ourselves. So it names a package of a few bytes in the folder, which leads here.
 */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { AppError } from '../errors.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The package that leads here, in the folder. */
const LINKING = '.countersign-link';
/** Where this repository lies on this machine; not for version control. */
const AT = 'at';
const OURS = 'countersign';
/** Says how the folder's modules are read; what is in it is the author's from then on. */
const PACKAGE = { private: true, type: 'module', devDependencies: { [OURS]: `file:${LINKING}` } };
const TYPES = {
  compilerOptions: {
    ...{ target: 'esnext', module: 'nodenext', types: ['node'], strict: true, noEmit: true },
    ...{ erasableSyntaxOnly: true, verbatimModuleSyntax: true, allowImportingTsExtensions: true },
    ...{ skipLibCheck: true, typeRoots: [`${LINKING}/${AT}/node_modules/@types`] },
  },
};

const AuthorsPackage = z.looseObject({
  dependencies: z.record(z.string(), z.string()).optional(),
  devDependencies: z.record(z.string(), z.string()).optional(),
});
const OurPackage = z.object({ exports: z.record(z.string(), z.string()) });

/**
 * Writes what is missing and mends what leads nowhere; what is the author's stays.
 * @throws AppError `usage` where nothing can be written, `malformed` where its package.json cannot be read
 */
export function furnish(folder: string): void {
  try {
    write(folder);
  } catch (cause) {
    throw unusable(folder, cause);
  }
}

/** What the folder itself is to blame for, in words; a defect stays one. */
function unusable(folder: string, cause: unknown): unknown {
  const { code, path = folder } = cause as NodeJS.ErrnoException;
  const words: Record<string, string> = {
    EEXIST: `${folder} is not a folder.`,
    ENOTDIR: `${folder} cannot be made: something above it is not a folder.`,
    EACCES: `${path} may not be written by this account. Name another folder with --in.`,
    EPERM: `${path} may not be written by this account. Name another folder with --in.`,
    EROFS: `${path} cannot be written: its file system is read-only. Name another folder with --in.`,
  };
  const known = cause instanceof AppError || code === undefined ? undefined : words[code];
  return known === undefined ? cause : new AppError('usage', known, { cause });
}

function write(folder: string): void {
  mkdirSync(folder, { recursive: true });
  nameUs(join(folder, 'package.json'));
  writeOnce(join(folder, 'tsconfig.json'), jsonOf(TYPES));
  writeOnce(join(folder, '.gitignore'), `node_modules/\n${LINKING}/${AT}\n`);
  mkdirSync(join(folder, LINKING), { recursive: true });
  writeFileSync(join(folder, LINKING, 'package.json'), jsonOf(linkingPackage()));
  link(ROOT, join(folder, LINKING, AT));
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  // As npm writes it too.
  link(join('..', LINKING), join(folder, 'node_modules', OURS));
}

/** What we publish, through the link. */
function linkingPackage(): object {
  const ours = OurPackage.parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')));
  const exports = Object.entries(ours.exports).map(([name, file]) => [name, `./${join(AT, file)}`]);
  return {
    name: OURS,
    version: '0.0.0',
    private: true,
    type: 'module',
    exports: Object.fromEntries(exports),
  };
}

function nameUs(file: string): void {
  writeOnce(file, jsonOf(PACKAGE));
  const theirs = readPackage(file);
  const { dependencies = {}, devDependencies = {} } = theirs;
  if (Object.hasOwn(dependencies, OURS) || Object.hasOwn(devDependencies, OURS)) return;
  writeFileSync(
    file,
    jsonOf({ ...theirs, devDependencies: { ...devDependencies, ...PACKAGE.devDependencies } }),
  );
}

function readPackage(file: string): z.output<typeof AuthorsPackage> {
  try {
    return AuthorsPackage.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    throw new AppError('malformed', `${file} cannot be read as a package.json; mend it first.`, { cause });
  }
}

const jsonOf = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;

function writeOnce(file: string, text: string): void {
  if (!existsSync(file)) writeFileSync(file, text, { flag: 'wx' });
}

/** One that leads elsewhere is replaced; what is no link stays. */
function link(target: string, at: string): void {
  const there = lstatSync(at, { throwIfNoEntry: false });
  if (there !== undefined && (!there.isSymbolicLink() || readlinkSync(at) === target)) return;
  rmSync(at, { force: true });
  symlinkSync(target, at, 'dir');
}
