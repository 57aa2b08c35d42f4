/**
 * A screenshot with a palette instead of three bytes a pixel, for a third of its size: text on a plain ground has few
 * colours, and the rare ones become the nearest of the 256 commonest. PNG, W3C Recommendation, third edition.
 */
import { crc32, deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE_BYTES = 8;
const COLOURS_MAX = 256;
/** Red, green, blue, as Chromium writes an opaque screenshot. */
const CHANNELS = 3;
type Picture = { width: number; height: number; pixels: Uint32Array };

export function withPalette(png: Buffer): Buffer {
  const picture = decode(png);
  const counts = new Map<number, number>();
  for (const colour of picture.pixels) counts.set(colour, (counts.get(colour) ?? 0) + 1);
  const byCount = [...counts.keys()].sort((a, b) => counts.get(b)! - counts.get(a)!);
  const palette = byCount.slice(0, COLOURS_MAX);
  const index = new Map(byCount.map((colour) => [colour, nearest(palette, colour)]));
  const rows = Buffer.alloc((picture.width + 1) * picture.height);
  picture.pixels.forEach((colour, at) => {
    const row = Math.floor(at / picture.width);
    // Each row begins with its filter, none.
    rows[at + row + 1] = index.get(colour)!;
  });
  const header = Buffer.alloc(13);
  header.writeUInt32BE(picture.width, 0);
  header.writeUInt32BE(picture.height, 4);
  // Eight bits an index, colour type 3: into the palette.
  header.set([8, 3], 8);
  return Buffer.concat([
    png.subarray(0, SIGNATURE_BYTES),
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(palette.flatMap(parts))),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

const parts = (colour: number): [number, number, number] => [
  colour >> 16,
  (colour >> 8) & 0xff,
  colour & 0xff,
];

function nearest(palette: readonly number[], colour: number): number {
  const [red, green, blue] = parts(colour);
  let found = 0;
  let least = Number.POSITIVE_INFINITY;
  palette.forEach((candidate, at) => {
    const [r, g, b] = parts(candidate);
    const distance = (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2;
    if (distance < least) [found, least] = [at, distance];
  });
  return found;
}

function chunk(type: string, data: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(typed));
  return Buffer.concat([length, typed, sum]);
}

function decode(png: Buffer): Picture {
  const data: Buffer[] = [];
  let [width, height] = [0, 0];
  for (let at = SIGNATURE_BYTES; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const type = png.toString('latin1', at + 4, at + 8);
    const body = png.subarray(at + 8, at + 8 + length);
    if (type === 'IHDR') {
      [width, height] = [body.readUInt32BE(0), body.readUInt32BE(4)];
      if (body[8] !== 8 || body[9] !== 2) throw new Error('the screenshot is not opaque, 8 bits a channel');
    }
    if (type === 'IDAT') data.push(body);
    at += length + 12;
  }
  return { width, height, pixels: unfilter(inflateSync(Buffer.concat(data)), width, height) };
}

function unfilter(raw: Buffer, width: number, height: number): Uint32Array {
  const stride = width * CHANNELS;
  const pixels = new Uint32Array(width * height);
  let above = new Uint8Array(stride);
  for (let y = 0; y < height; y += 1) {
    const filter = raw[y * (stride + 1)]!;
    const row = new Uint8Array(raw.subarray(y * (stride + 1) + 1, (y + 1) * (stride + 1)));
    for (let x = 0; x < stride; x += 1) {
      const left = x < CHANNELS ? 0 : row[x - CHANNELS]!;
      const corner = x < CHANNELS ? 0 : above[x - CHANNELS]!;
      row[x] = row[x]! + predicted(filter, left, above[x]!, corner);
    }
    for (let x = 0; x < width; x += 1) {
      const at = x * CHANNELS;
      pixels[y * width + x] = (row[at]! << 16) | (row[at + 1]! << 8) | row[at + 2]!;
    }
    above = row;
  }
  return pixels;
}

/** Section 9.2 of the recommendation: none, sub, up, average, Paeth. */
function predicted(filter: number, left: number, up: number, corner: number): number {
  switch (filter) {
    case 0:
      return 0;
    case 1:
      return left;
    case 2:
      return up;
    case 3:
      return (left + up) >> 1;
    default:
      return paeth(left, up, corner);
  }
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [toLeft, toUp, toCorner] = [left, up, corner].map((it) => Math.abs(guess - it)) as [
    number,
    number,
    number,
  ];
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}
