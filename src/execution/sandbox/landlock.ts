/**
 * Landlock's rights by ABI, as plain data (Linux, `Documentation/userspace-api/landlock.rst`,
 * `include/uapi/linux/landlock.h`). Everything the running kernel can govern is governed.
 */

// LANDLOCK_ACCESS_FS_*
const EXECUTE = 1n << 0n;
const WRITE_FILE = 1n << 1n;
const READ_FILE = 1n << 2n;
const READ_DIR = 1n << 3n;
const TRUNCATE_BIT = 14n;

/** How many file-system rights each ABI knows; they are consecutive bits. ABI 2: REFER, 3: TRUNCATE, 5: IOCTL_DEV. */
function fileRights(abi: number): bigint {
  const count = abi >= 5 ? 16n : abi >= 3 ? 15n : abi >= 2 ? 14n : 13n;
  return (1n << count) - 1n;
}

/** Bind and connect of TCP, from ABI 4. */
const NET_RIGHTS = 3n;
/** Abstract unix sockets and signals, from ABI 6. */
const SCOPES = 3n;

/** What a path is opened for. `scratch` is everything but devices; `run` adds executing to reading. */
export type PathUse = 'read' | 'run' | 'device' | 'readTree' | 'runTree' | 'scratch';

export type PathRule = { path: string; use: PathUse };

/** `struct landlock_ruleset_attr`, as long as this ABI knows it. */
export function rulesetAttribute(abi: number): Buffer {
  const bytes = Buffer.alloc(abi >= 6 ? 24 : abi >= 4 ? 16 : 8);
  bytes.writeBigUInt64LE(fileRights(abi), 0);
  if (abi >= 4) bytes.writeBigUInt64LE(NET_RIGHTS, 8);
  if (abi >= 6) bytes.writeBigUInt64LE(SCOPES, 16);
  return bytes;
}

/** The rights that a rule grants, of those this ABI knows. */
export function grantedRights(use: PathUse, abi: number): bigint {
  const all = fileRights(abi);
  switch (use) {
    case 'read':
      return READ_FILE;
    case 'run':
      return READ_FILE | EXECUTE;
    case 'device':
      return (READ_FILE | WRITE_FILE | (1n << TRUNCATE_BIT)) & all;
    case 'readTree':
      return READ_FILE | READ_DIR;
    case 'runTree':
      return READ_FILE | READ_DIR | EXECUTE;
    case 'scratch': {
      const makeCharacterDevice = 1n << 6n;
      const makeBlockDevice = 1n << 11n;
      return all & ~makeCharacterDevice & ~makeBlockDevice;
    }
    default:
      return use satisfies never;
  }
}

/** `struct landlock_path_beneath_attr` (packed): rights, then the open folder or file. */
export function pathAttribute(rights: bigint, descriptor: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeBigUInt64LE(rights, 0);
  bytes.writeInt32LE(descriptor, 8);
  return bytes;
}
