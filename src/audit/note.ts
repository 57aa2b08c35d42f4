/**
 * Signed notes and checkpoints: C2SP `signed-note` with Ed25519, and `tlog-checkpoint`.
 * https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { AppError } from '../errors.ts';
import { HASH_BYTES } from './merkle.ts';

/** The algorithm byte of Ed25519 in a note key. */
const ED25519 = 0x01;
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const KEY_HASH_BYTES = 4;
/** RFC 8410: what stands before the raw key in DER. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
/** The em dash that begins each signature line. */
const DASH = '\u2014 ';
const NAME = /^[^\s+\p{Cc}]+$/u;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export type Verifier = { readonly name: string; readonly keyHash: string; readonly publicKey: KeyObject };
export type Signer = Verifier & {
  /** The verifier key in its printable form, `name+hash+base64`. */
  readonly vkey: string;
  /** A raw Ed25519 signature, 64 bytes. */
  sign(data: Uint8Array): Buffer;
};

/** Standard base64, padded, with no second spelling of the same bytes; null otherwise. */
export function decodeBase64(text: string): Buffer | null {
  if (!BASE64.test(text)) return null;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}

function keyHashOf(name: string, publicKey: Buffer): string {
  const digest = createHash('sha256')
    .update(`${name}\n`)
    .update(Buffer.from([ED25519]))
    .update(publicKey)
    .digest();
  return digest.subarray(0, KEY_HASH_BYTES).toString('hex');
}

const rawPublic = (key: KeyObject) => key.export({ type: 'spki', format: 'der' }).subarray(-KEY_BYTES);
const withAlgorithm = (key: Buffer) => Buffer.concat([Buffer.from([ED25519]), key]).toString('base64');

function badKey(what: string): never {
  throw new AppError('key_invalid', `${what} is not an Ed25519 note key.`);
}

/** `name+hash+base64`; the base64 itself may hold plus signs. */
function splitKey(text: string, what: string): { name: string; keyHash: string; key: Buffer } {
  const [name = '', keyHash = '', ...rest] = text.split('+');
  const bytes = decodeBase64(rest.join('+'));
  if (!NAME.test(name) || bytes === null || bytes.length !== KEY_BYTES + 1 || bytes[0] !== ED25519)
    badKey(what);
  return { name, keyHash, key: bytes.subarray(1) };
}

/** Reads a verifier key `name+hash8+base64(0x01 || public key)`. Throws `AppError('key_invalid')`. */
export function parseVerifier(vkey: string): Verifier {
  const { name, keyHash, key } = splitKey(vkey.trim(), 'The verifier key');
  if (keyHash !== keyHashOf(name, key)) badKey('The verifier key');
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, key]), format: 'der', type: 'spki' });
  return { name, keyHash, publicKey };
}

function signerFrom(name: string, seed: Buffer): Signer {
  const privateKey = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  const publicKey = createPublicKey(privateKey);
  const raw = rawPublic(publicKey);
  const keyHash = keyHashOf(name, raw);
  return {
    name,
    keyHash,
    publicKey,
    vkey: `${name}+${keyHash}+${withAlgorithm(raw)}`,
    sign: (data) => sign(null, data, privateKey),
  };
}

const PRIVATE_PREFIX = 'PRIVATE+KEY+';

/** Reads `PRIVATE+KEY+name+hash8+base64(0x01 || seed)`. Throws `AppError('key_invalid')`, never with the value. */
export function parseSigner(skey: string): Signer {
  const text = skey.trim();
  if (!text.startsWith(PRIVATE_PREFIX)) badKey('The signing key');
  const { name, keyHash, key } = splitKey(text.slice(PRIVATE_PREFIX.length), 'The signing key');
  const signer = signerFrom(name, key);
  if (signer.keyHash !== keyHash) badKey('The signing key');
  return signer;
}

/** The printable private form of a key made from 32 random bytes. */
export function formatSigningKey(name: string, seed: Buffer): string {
  if (!NAME.test(name) || seed.length !== KEY_BYTES) badKey('The signing key');
  return `${PRIVATE_PREFIX}${name}+${signerFrom(name, seed).keyHash}+${withAlgorithm(seed)}`;
}

/** Signs `text`, which ends with a line feed. */
export function signNote(text: string, signer: Signer): string {
  if (!text.endsWith('\n')) throw new RangeError('The text of a note ends with a line feed.');
  const signature = Buffer.concat([
    Buffer.from(signer.keyHash, 'hex'),
    signer.sign(Buffer.from(text, 'utf8')),
  ]);
  return `${text}\n${DASH}${signer.name} ${signature.toString('base64')}\n`;
}

type Signature = { name: string; keyHash: string; signature: Buffer };

function parseSignature(line: string): Signature | null {
  if (!line.startsWith(DASH)) return null;
  const [name = '', encoded = '', ...rest] = line.slice(DASH.length).split(' ');
  const bytes = decodeBase64(encoded);
  if (!NAME.test(name) || rest.length > 0 || bytes === null || bytes.length <= KEY_HASH_BYTES) return null;
  const keyHash = bytes.subarray(0, KEY_HASH_BYTES).toString('hex');
  return { name, keyHash, signature: bytes.subarray(KEY_HASH_BYTES) };
}

/** The note's text and its signatures, unchecked; null when it has no note's form. */
export function parseNote(note: string): { text: string; signatures: Signature[] } | null {
  const split = note.lastIndexOf('\n\n');
  if (split < 0 || !note.endsWith('\n')) return null;
  const lines = note.slice(split + 2, -1).split('\n');
  const signatures = lines.map(parseSignature);
  if (signatures.some((signature) => signature === null)) return null;
  return { text: note.slice(0, split + 1), signatures: signatures.filter((signature) => signature !== null) };
}

/**
 * The text of a note that at least one of `keys` signed; null otherwise. Signatures by keys that we do not know are
 * ignored, as the specification asks; a wrong one by a key that we know refuses the note.
 */
export function openNote(note: string, keys: readonly Verifier[]): string | null {
  const parsed = parseNote(note);
  if (parsed === null) return null;
  let signed = false;
  for (const { name, keyHash, signature } of parsed.signatures) {
    const key = keys.find((candidate) => candidate.name === name && candidate.keyHash === keyHash);
    if (key === undefined) continue;
    if (signature.length !== SIGNATURE_BYTES) return null;
    if (!verify(null, Buffer.from(parsed.text, 'utf8'), key.publicKey, signature)) return null;
    signed = true;
  }
  return signed ? parsed.text : null;
}

export type Checkpoint = { origin: string; size: number; root: Buffer };

/** `origin`, size in decimal, base64 root, a line each. */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  return `${checkpoint.origin}\n${checkpoint.size}\n${checkpoint.root.toString('base64')}\n`;
}

/** Reads a checkpoint's text (not the signed note around it). Extension lines are allowed and ignored. */
export function parseCheckpoint(text: string): Checkpoint | null {
  const [origin = '', decimal = '', encoded = ''] = text.split('\n');
  const root = decodeBase64(encoded);
  const size = Number(decimal);
  if (origin === '' || !/^(0|[1-9][0-9]*)$/.test(decimal) || !Number.isSafeInteger(size)) return null;
  if (root === null || root.length !== HASH_BYTES || !text.endsWith('\n')) return null;
  return { origin, size, root };
}

export type OpenedCheckpoint =
  | { kind: 'good'; checkpoint: Checkpoint }
  | { kind: 'unreadable' }
  /** Readable, but none of our keys signed it, or its origin is not the key's name. */
  | { kind: 'bad_signature'; checkpoint: Checkpoint };

/** A signed checkpoint, its signature checked. */
export function openCheckpoint(note: string, keys: readonly Verifier[]): OpenedCheckpoint {
  const parsed = parseNote(note);
  const checkpoint = parsed === null ? null : parseCheckpoint(parsed.text);
  if (checkpoint === null) return { kind: 'unreadable' };
  const own = keys.filter((key) => key.name === checkpoint.origin);
  return openNote(note, own) === null ? { kind: 'bad_signature', checkpoint } : { kind: 'good', checkpoint };
}
