/** Pixels as a PNG file (W3C PNG, third edition): 8 bits each of red, green, blue and alpha. Deterministic. */
import { crc32, deflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const BYTES_PER_PIXEL = 4;
const BIT_DEPTH = 8;
const COLOUR_WITH_ALPHA = 6;

export type Colour = readonly [red: number, green: number, blue: number, alpha: number];

/** `colourAt` is asked once for each pixel, from the top left. */
export function png(size: number, colourAt: (x: number, y: number) => Colour): Buffer {
  const row = 1 + size * BYTES_PER_PIXEL;
  const raw = Buffer.alloc(size * row);
  for (let y = 0; y < size; y += 1) {
    // Each row begins with its filter; 0 is none.
    for (let x = 0; x < size; x += 1) raw.set(colourAt(x, y), y * row + 1 + x * BYTES_PER_PIXEL);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([BIT_DEPTH, COLOUR_WITH_ALPHA], 8);
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(raw, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(8 + body.length);
  frame.writeUInt32BE(data.length, 0);
  body.copy(frame, 4);
  frame.writeUInt32BE(crc32(body), 4 + body.length);
  return frame;
}
